// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"sync"
)

// Hosts in memory; everything that they are asked for is done at once. The same hosts and VMs as in
// tests/bench/world.cpp.

const (
	vfsPerPf      = 64
	benchSpace    = "bench"
	tenantNetwork = "tenant-blue"
)

type vm struct {
	name, uuid, mac, vf string // vf "" = none in the guest
}

type hypervisorHost struct {
	name string
	vfs  []string
	vms  map[string]*vm // by name
}

type hypervisor struct {
	mutex sync.Mutex
	hosts map[string]*hypervisorHost
	where map[string]string // host by VM name
}

func hostName(i int) string { return fmt.Sprintf("host%03d", i) }

func vfAddress(i int) string {
	onPf := i % vfsPerPf
	return fmt.Sprintf("0000:%02x:%02x.%d", i/vfsPerPf+1, 0x10+onPf/4, 2*(onPf%4))
}

func newHypervisor(hosts, vfsPerHost, vms int) *hypervisor {
	h := &hypervisor{hosts: map[string]*hypervisorHost{}, where: map[string]string{}}
	for i := range hosts {
		host := &hypervisorHost{name: hostName(i), vms: map[string]*vm{}}
		for v := range vfsPerHost {
			host.vfs = append(host.vfs, vfAddress(v))
		}
		h.hosts[host.name] = host
	}
	for i := range vms {
		name := fmt.Sprintf("vm%05d", i)
		host := h.hosts[hostName(i%hosts)]
		host.vms[name] = &vm{name: name, uuid: fmt.Sprintf("22222222-2222-2222-2222-%012d", i),
			mac: fmt.Sprintf("52:54:00:%02x:%02x:%02x", i>>16, (i>>8)&0xff, i&0xff),
			vf:  vfAddress(i / hosts)}
		h.where[name] = host.name
	}
	return h
}

// find: host and a copy of the VM.
func (h *hypervisor) find(name string) (string, vm, bool) {
	h.mutex.Lock()
	defer h.mutex.Unlock()
	host, ok := h.where[name]
	if !ok {
		return "", vm{}, false
	}
	return host, *h.hosts[host].vms[name], true
}

// snapshot: the host's VFs and copies of its VMs.
func (h *hypervisor) snapshot(name string) ([]string, []vm) {
	h.mutex.Lock()
	defer h.mutex.Unlock()
	host, ok := h.hosts[name]
	if !ok {
		return nil, nil
	}
	vms := make([]vm, 0, len(host.vms))
	for _, v := range host.vms {
		vms = append(vms, *v)
	}
	return host.vfs, vms
}

func (h *hypervisor) setVf(host, name, vf string) {
	h.mutex.Lock()
	defer h.mutex.Unlock()
	h.hosts[host].vms[name].vf = vf
}

func (h *hypervisor) migrate(name, target string) {
	h.mutex.Lock()
	defer h.mutex.Unlock()
	source := h.hosts[h.where[name]]
	h.hosts[target].vms[name] = source.vms[name]
	delete(source.vms, name)
	h.where[name] = target
}
