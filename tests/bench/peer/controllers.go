// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"reflect"
	"sort"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller/controllerutil"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"
)

// ---- VmHost: what the host has

func (p *peer) host(ctx context.Context, request reconcile.Request) (reconcile.Result, error) {
	var host VmHost
	if err := p.Get(ctx, request.NamespacedName, &host); err != nil {
		return reconcile.Result{}, client.IgnoreNotFound(err)
	}
	if p.stale(&host) {
		return reconcile.Result{}, nil
	}
	var reservations VfReservationList
	if err := p.List(ctx, &reservations, client.MatchingFields{byHost: host.Name}, client.UnsafeDisableDeepCopy); err != nil {
		return reconcile.Result{}, err
	}
	base := host.DeepCopyObject().(*VmHost)
	status := &host.Status
	status.ObservedGeneration = host.Generation
	status.LibvirtVersion, status.QemuVersion = "11.3.0", "10.0.2"
	vfs, vms := p.hosts.snapshot(host.Name)
	status.VmCount = len(vms)
	status.VirtualMachines = nil
	users := map[string]string{}
	for _, v := range vms {
		status.VirtualMachines = append(status.VirtualMachines,
			VirtualMachineStatus{Namespace: benchSpace, Name: v.name, UUID: v.uuid, State: "Running", Migratable: true})
		if v.vf != "" {
			users[v.vf] = v.name
		}
	}
	sort.Slice(status.VirtualMachines, func(i, j int) bool {
		return status.VirtualMachines[i].Name < status.VirtualMachines[j].Name
	})
	holders := map[string]*VfReservation{}
	for i := range reservations.Items {
		holders[reservations.Items[i].Spec.Address] = &reservations.Items[i]
	}
	status.VirtualFunctions = VirtualFunctionTotals{}
	status.PhysicalFunctions = nil
	for first := 0; first < len(vfs); first += vfsPerPf {
		pf := PhysicalFunctionStatus{Device: host.Spec.PhysicalFunctions[first/vfsPerPf].Device,
			Address: vfs[first][:8] + "00.0", LinkUp: true, Networks: []string{tenantNetwork}}
		for _, vf := range vfs[first:min(first+vfsPerPf, len(vfs))] {
			entry := VirtualFunctionStatus{Address: vf, State: "Free"}
			reservation := holders[vf]
			switch {
			case users[vf] != "":
				entry.State, entry.Holder = "InUse", "vm "+users[vf]
				if reservation != nil {
					entry.Holder = "vnic " + reservation.Spec.Holder.Namespace + "/" + reservation.Spec.Holder.Name
				}
				status.VirtualFunctions.InUse++
			case reservation != nil:
				entry.State = "Reserved"
				entry.Holder = "vnic " + reservation.Spec.Holder.Namespace + "/" + reservation.Spec.Holder.Name + " (" + reservation.Spec.Purpose + ")"
				status.VirtualFunctions.Reserved++
			default:
				status.VirtualFunctions.Free++
			}
			status.VirtualFunctions.Total++
			pf.VirtualFunctions = append(pf.VirtualFunctions, entry)
		}
		status.PhysicalFunctions = append(status.PhysicalFunctions, pf)
	}
	for _, kind := range []string{"Connected", "VersionSupported", "Ready"} {
		setCondition(&status.Conditions, kind, metav1.ConditionTrue, kind, "", host.Generation)
	}
	if !reflect.DeepEqual(base.Status, host.Status) {
		if err := p.patchStatus(ctx, &host, base); err != nil {
			return settle(err)
		}
	}
	return reconcile.Result{RequeueAfter: readPeriod}, nil
}

// ---- VnicProfile: who uses it, and which hosts can serve it

func (p *peer) profile(ctx context.Context, request reconcile.Request) (reconcile.Result, error) {
	var profile VnicProfile
	if err := p.Get(ctx, request.NamespacedName, &profile); err != nil {
		return reconcile.Result{}, client.IgnoreNotFound(err)
	}
	if p.stale(&profile) {
		return reconcile.Result{}, nil
	}
	var vnics VnicList
	var hosts VmHostList
	var reservations VfReservationList
	for _, list := range []client.ObjectList{&vnics, &hosts, &reservations} {
		if err := p.List(ctx, list, client.UnsafeDisableDeepCopy); err != nil {
			return reconcile.Result{}, err
		}
	}
	count := 0
	for i := range vnics.Items {
		if vnics.Items[i].Spec.Profile.Name == profile.Name {
			count++
		}
	}
	if count > 0 && controllerutil.ContainsFinalizer(&profile, finalizer) == false {
		base := profile.DeepCopyObject().(*VnicProfile)
		controllerutil.AddFinalizer(&profile, finalizer)
		if err := p.patch(ctx, &profile, base); err != nil {
			return settle(err)
		}
	}
	base := profile.DeepCopyObject().(*VnicProfile)
	profile.Status.ObservedGeneration = profile.Generation
	profile.Status.VnicCount = count
	profile.Status.Hosts = nil
	taken := map[string]int{}
	for i := range reservations.Items {
		taken[reservations.Items[i].Spec.HostName]++
	}
	for i := range hosts.Items {
		name := hosts.Items[i].Name
		serving := ServingHost{Name: name}
		if profile.Spec.Passthrough {
			vfs, _ := p.hosts.snapshot(name)
			serving.Free = len(vfs) - taken[name]
		}
		profile.Status.Hosts = append(profile.Status.Hosts, serving)
	}
	sort.Slice(profile.Status.Hosts, func(i, j int) bool {
		return profile.Status.Hosts[i].Name < profile.Status.Hosts[j].Name
	})
	for _, kind := range []string{"Accepted", "Ready"} {
		setCondition(&profile.Status.Conditions, kind, metav1.ConditionTrue, kind, "", profile.Generation)
	}
	if reflect.DeepEqual(base.Status, profile.Status) {
		return reconcile.Result{}, nil
	}
	return settle(p.patchStatus(ctx, &profile, base))
}

// ---- Vnic: adopts the VF that the VM has, and says where it is

func (p *peer) vnic(ctx context.Context, request reconcile.Request) (reconcile.Result, error) {
	var vnic Vnic
	if err := p.Get(ctx, request.NamespacedName, &vnic); err != nil {
		return reconcile.Result{}, client.IgnoreNotFound(err)
	}
	if p.stale(&vnic) {
		return reconcile.Result{}, nil
	}
	host, machine, found := p.hosts.find(vnic.Spec.VmName)
	if !found {
		return reconcile.Result{RequeueAfter: readPeriod}, nil
	}
	var held VfReservationList
	if err := p.List(ctx, &held, client.MatchingFields{byHolder: string(vnic.UID)}, client.UnsafeDisableDeepCopy); err != nil {
		return reconcile.Result{}, err
	}
	moving := false
	for i := range held.Items {
		moving = moving || held.Items[i].Spec.Migration != nil
	}
	if len(held.Items) == 0 && machine.vf != "" {
		if err := p.Create(ctx, newReservation(host, machine, machine.vf, inUse, &vnic, nil)); err != nil {
			return settle(client.IgnoreAlreadyExists(err))
		}
	}
	base := vnic.DeepCopyObject().(*Vnic)
	vnic.Status.ObservedGeneration = vnic.Generation
	vnic.Status.Host, vnic.Status.Vf, vnic.Status.MacAddress = host, machine.vf, machine.mac
	vnic.Status.GuestAddress, vnic.Status.Standby = "0000:03:00.0", "ua-standby"
	ready, reason := metav1.ConditionTrue, "Ready"
	if moving {
		ready, reason = metav1.ConditionFalse, "Migrating"
	}
	attached := metav1.ConditionTrue
	if machine.vf == "" {
		attached = metav1.ConditionFalse
	}
	setCondition(&vnic.Status.Conditions, "Ready", ready, reason, "", vnic.Generation)
	setCondition(&vnic.Status.Conditions, "Attached", attached, "Attached", "", vnic.Generation)
	setCondition(&vnic.Status.Conditions, "InSync", metav1.ConditionTrue, "InSync", "", vnic.Generation)
	if reflect.DeepEqual(base.Status, vnic.Status) {
		return reconcile.Result{}, nil
	}
	return settle(p.patchStatus(ctx, &vnic, base))
}

func newReservation(host string, machine vm, vf, purpose string, vnic *Vnic, migration *reference) *VfReservation {
	return &VfReservation{
		ObjectMeta: metav1.ObjectMeta{Name: reservationName(host, vf), Finalizers: []string{finalizer}},
		Spec: VfReservationSpec{HostName: host, Address: vf,
			Holder:  reference{Namespace: vnic.Namespace, Name: vnic.Name, UID: string(vnic.UID)},
			Purpose: purpose, Migration: migration, VmUUID: machine.uuid,
			Device: DevicePlan{MacAddress: machine.mac, Alias: "ua-vf", StandbyAlias: "ua-standby",
				GuestAddress: "0000:03:00.0", Managed: true, OriginalVf: vf}}}
}

// ---- VfReservation: goes once nobody needs its VF, and reads the truth before

func (p *peer) reservation(ctx context.Context, request reconcile.Request) (reconcile.Result, error) {
	var r VfReservation
	if err := p.Get(ctx, request.NamespacedName, &r); err != nil {
		return reconcile.Result{}, client.IgnoreNotFound(err)
	}
	if r.Spec.Purpose != releasing || p.stale(&r) {
		return reconcile.Result{}, nil
	}
	var host VmHost
	if err := p.live.Get(ctx, client.ObjectKey{Name: r.Spec.HostName}, &host); err != nil {
		return reconcile.Result{}, err
	}
	var holder Vnic
	if err := p.live.Get(ctx, client.ObjectKey{Namespace: r.Spec.Holder.Namespace, Name: r.Spec.Holder.Name}, &holder); client.IgnoreNotFound(err) != nil {
		return reconcile.Result{}, err
	}
	if r.Spec.Migration != nil {
		var m VmMigration
		if err := p.live.Get(ctx, client.ObjectKey{Namespace: r.Spec.Migration.Namespace, Name: r.Spec.Migration.Name}, &m); client.IgnoreNotFound(err) != nil {
			return reconcile.Result{}, err
		}
	}
	if r.DeletionTimestamp == nil {
		uid, version := r.UID, r.ResourceVersion
		if err := p.Delete(ctx, &r, client.Preconditions{UID: &uid, ResourceVersion: &version}); err != nil {
			return settle(err)
		}
		p.tell(&r, "Released", "Release", "VF "+r.Spec.Address+" of "+r.Spec.HostName+": no VM has it any more")
		return reconcile.Result{}, nil
	}
	base := r.DeepCopyObject().(*VfReservation)
	controllerutil.RemoveFinalizer(&r, finalizer)
	return settle(p.patch(ctx, &r, base))
}
