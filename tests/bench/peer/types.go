// SPDX-License-Identifier: Apache-2.0

package main

import (
	"maps"
	"slices"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/controller-runtime/pkg/scheme"
)

// The project's kinds, in so far as the peer reads or writes them. DeepCopy is written by hand, as a
// generator would write it.

var (
	groupVersion = schema.GroupVersion{Group: "vnic.dev", Version: "v1alpha1"}
	kinds        = &scheme.Builder{GroupVersion: groupVersion}
)

func init() {
	kinds.Register(&VnicProfile{}, &VnicProfileList{}, &VmHost{}, &VmHostList{}, &Vnic{}, &VnicList{},
		&VmMigration{}, &VmMigrationList{}, &VfReservation{}, &VfReservationList{})
}

type reference struct {
	Namespace string `json:"namespace,omitempty"`
	Name      string `json:"name"`
	UID       string `json:"uid,omitempty"`
}

func copyConditions(in []metav1.Condition) []metav1.Condition { return slices.Clone(in) }

func copyPointer[T any](in *T) *T {
	if in == nil {
		return nil
	}
	out := *in
	return &out
}

// ---- VnicProfile

type AllowedNamespaces struct {
	From     string                `json:"from,omitempty"`
	Selector *metav1.LabelSelector `json:"selector,omitempty"`
}

type VnicProfileSpec struct {
	Network           string             `json:"network"`
	Passthrough       bool               `json:"passthrough,omitempty"`
	Migratable        *bool              `json:"migratable,omitempty"`
	Failover          *reference         `json:"failover,omitempty"`
	AllowedNamespaces *AllowedNamespaces `json:"allowedNamespaces,omitempty"`
}

type ServingHost struct {
	Name string `json:"name"`
	Free int    `json:"freeVirtualFunctions"`
}

type VnicProfileStatus struct {
	ObservedGeneration int64              `json:"observedGeneration"`
	Conditions         []metav1.Condition `json:"conditions,omitempty"`
	VnicCount          int                `json:"vnicCount"`
	Hosts              []ServingHost      `json:"hosts,omitempty"`
}

type VnicProfile struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata,omitempty"`
	Spec              VnicProfileSpec   `json:"spec"`
	Status            VnicProfileStatus `json:"status,omitempty"`
}

type VnicProfileList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`
	Items           []VnicProfile `json:"items"`
}

func (in *VnicProfile) copyInto(out *VnicProfile) {
	*out = *in
	in.ObjectMeta.DeepCopyInto(&out.ObjectMeta)
	out.Spec.Migratable = copyPointer(in.Spec.Migratable)
	out.Spec.Failover = copyPointer(in.Spec.Failover)
	if in.Spec.AllowedNamespaces != nil {
		out.Spec.AllowedNamespaces = &AllowedNamespaces{From: in.Spec.AllowedNamespaces.From,
			Selector: in.Spec.AllowedNamespaces.Selector.DeepCopy()}
	}
	out.Status.Conditions = copyConditions(in.Status.Conditions)
	out.Status.Hosts = slices.Clone(in.Status.Hosts)
}

// ---- VmHost

type PhysicalFunctionSpec struct {
	Device   string   `json:"device"`
	Networks []string `json:"networks"`
}

type Limits struct {
	Inbound  int `json:"inboundMigrations,omitempty"`
	Outbound int `json:"outboundMigrations,omitempty"`
}

type VmHostSpec struct {
	LibvirtURI        string                 `json:"libvirtURI"`
	PhysicalFunctions []PhysicalFunctionSpec `json:"physicalFunctions,omitempty"`
	Availability      string                 `json:"availability,omitempty"`
	Limits            *Limits                `json:"limits,omitempty"`
}

type VirtualMachineStatus struct {
	Namespace  string `json:"namespace"`
	Name       string `json:"name"`
	UUID       string `json:"uuid"`
	State      string `json:"state"`
	Migratable bool   `json:"migratable"`
}

type VirtualFunctionStatus struct {
	Address string `json:"address"`
	State   string `json:"state"`
	Holder  string `json:"holder,omitempty"`
}

type PhysicalFunctionStatus struct {
	Device           string                  `json:"device"`
	Address          string                  `json:"address"`
	LinkUp           bool                    `json:"linkUp"`
	Networks         []string                `json:"networks,omitempty"`
	VirtualFunctions []VirtualFunctionStatus `json:"virtualFunctions,omitempty"`
}

type VirtualFunctionTotals struct {
	Total       int `json:"total"`
	Free        int `json:"free"`
	Reserved    int `json:"reserved"`
	InUse       int `json:"inUse"`
	Unavailable int `json:"unavailable"`
}

type VmHostStatus struct {
	ObservedGeneration int64                    `json:"observedGeneration"`
	Conditions         []metav1.Condition       `json:"conditions,omitempty"`
	LibvirtVersion     string                   `json:"libvirtVersion,omitempty"`
	QemuVersion        string                   `json:"qemuVersion,omitempty"`
	VmCount            int                      `json:"vmCount"`
	VirtualMachines    []VirtualMachineStatus   `json:"virtualMachines,omitempty"`
	VirtualFunctions   VirtualFunctionTotals    `json:"virtualFunctions"`
	PhysicalFunctions  []PhysicalFunctionStatus `json:"physicalFunctions,omitempty"`
}

type VmHost struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata,omitempty"`
	Spec              VmHostSpec   `json:"spec"`
	Status            VmHostStatus `json:"status,omitempty"`
}

type VmHostList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`
	Items           []VmHost `json:"items"`
}

func (in *VmHost) copyInto(out *VmHost) {
	*out = *in
	in.ObjectMeta.DeepCopyInto(&out.ObjectMeta)
	out.Spec.PhysicalFunctions = slices.Clone(in.Spec.PhysicalFunctions)
	for i := range out.Spec.PhysicalFunctions {
		out.Spec.PhysicalFunctions[i].Networks = slices.Clone(in.Spec.PhysicalFunctions[i].Networks)
	}
	out.Spec.Limits = copyPointer(in.Spec.Limits)
	out.Status.Conditions = copyConditions(in.Status.Conditions)
	out.Status.VirtualMachines = slices.Clone(in.Status.VirtualMachines)
	out.Status.PhysicalFunctions = slices.Clone(in.Status.PhysicalFunctions)
	for i := range out.Status.PhysicalFunctions {
		pf := &in.Status.PhysicalFunctions[i]
		out.Status.PhysicalFunctions[i].Networks = slices.Clone(pf.Networks)
		out.Status.PhysicalFunctions[i].VirtualFunctions = slices.Clone(pf.VirtualFunctions)
	}
}

// ---- Vnic

type VnicSpec struct {
	VmName         string    `json:"vmName"`
	Profile        reference `json:"profile"`
	MacAddress     string    `json:"macAddress,omitempty"`
	DesiredState   string    `json:"desiredState,omitempty"`
	DeletionPolicy string    `json:"deletionPolicy,omitempty"`
}

type VnicStatus struct {
	ObservedGeneration int64              `json:"observedGeneration"`
	Conditions         []metav1.Condition `json:"conditions,omitempty"`
	Host               string             `json:"host,omitempty"`
	Vf                 string             `json:"vf,omitempty"`
	GuestAddress       string             `json:"guestAddress,omitempty"`
	MacAddress         string             `json:"macAddress,omitempty"`
	Standby            string             `json:"standby,omitempty"`
}

type Vnic struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata,omitempty"`
	Spec              VnicSpec   `json:"spec"`
	Status            VnicStatus `json:"status,omitempty"`
}

type VnicList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`
	Items           []Vnic `json:"items"`
}

func (in *Vnic) copyInto(out *Vnic) {
	*out = *in
	in.ObjectMeta.DeepCopyInto(&out.ObjectMeta)
	out.Status.Conditions = copyConditions(in.Status.Conditions)
}

// ---- VmMigration

type VmMigrationSpec struct {
	VmName         string           `json:"vmName"`
	TargetHostName string           `json:"targetHostName,omitempty"`
	Mode           string           `json:"mode,omitempty"`
	Cancel         bool             `json:"cancel,omitempty"`
	Priority       int              `json:"priority,omitempty"`
	Policy         *MigrationPolicy `json:"policy,omitempty"`
}

type MigrationPolicy struct {
	NetworkOutage           string `json:"networkOutage,omitempty"`
	UnplugTimeout           int    `json:"unplugTimeoutSeconds,omitempty"`
	AttachTimeout           int    `json:"attachTimeoutSeconds,omitempty"`
	CompletionTimeoutPerGiB int    `json:"completionTimeoutSecondsPerGiB,omitempty"`
	ProgressTimeout         int    `json:"progressTimeoutSeconds,omitempty"`
	MaxDowntime             int    `json:"maxDowntimeMilliseconds,omitempty"`
	AutoConverge            bool   `json:"autoConverge,omitempty"`
	MaxAttempts             int    `json:"maxAttempts,omitempty"`
}

type NicMigrationStatus struct {
	Vnic       string `json:"vnic"`
	Mac        string `json:"mac"`
	Profile    string `json:"profile,omitempty"`
	SourceVf   string `json:"sourceVf,omitempty"`
	TargetVf   string `json:"targetVf,omitempty"`
	State      string `json:"state"`
	DetachedAt string `json:"detachedAt,omitempty"`
	AttachedAt string `json:"attachedAt,omitempty"`
	WithoutVf  *int64 `json:"withoutVfMilliseconds,omitempty"`
}

type PhaseTimestamp struct {
	Phase     string `json:"phase"`
	StartedAt string `json:"startedAt"`
}

type MigrationAttempt struct {
	Number          int    `json:"number"`
	Direction       string `json:"direction"`
	CopyRequestedAt string `json:"copyRequestedAt,omitempty"`
}

type HostPreflight struct {
	Name    string   `json:"name"`
	Fits    bool     `json:"fits"`
	Reasons []string `json:"reasons,omitempty"`
}

type Preflight struct {
	Hosts []HostPreflight `json:"hosts,omitempty"`
}

type VmMigrationStatus struct {
	ObservedGeneration int64                `json:"observedGeneration"`
	Conditions         []metav1.Condition   `json:"conditions,omitempty"`
	Phase              string               `json:"phase,omitempty"`
	SourceHost         string               `json:"sourceHost,omitempty"`
	TargetHost         string               `json:"targetHost,omitempty"`
	VmUUID             string               `json:"vmUUID,omitempty"`
	Nics               []NicMigrationStatus `json:"nics,omitempty"`
	Downtime           *int64               `json:"downtimeMilliseconds,omitempty"`
	PhaseTimestamps    []PhaseTimestamp     `json:"phaseTimestamps,omitempty"`
	Attempts           int                  `json:"attempts,omitempty"`
	Attempt            *MigrationAttempt    `json:"attempt,omitempty"`
	Preflight          *Preflight           `json:"preflight,omitempty"`
}

type VmMigration struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata,omitempty"`
	Spec              VmMigrationSpec   `json:"spec"`
	Status            VmMigrationStatus `json:"status,omitempty"`
}

type VmMigrationList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`
	Items           []VmMigration `json:"items"`
}

func (in *VmMigration) copyInto(out *VmMigration) {
	*out = *in
	in.ObjectMeta.DeepCopyInto(&out.ObjectMeta)
	out.Spec.Policy = copyPointer(in.Spec.Policy)
	out.Status.Conditions = copyConditions(in.Status.Conditions)
	out.Status.Nics = slices.Clone(in.Status.Nics)
	for i := range out.Status.Nics {
		out.Status.Nics[i].WithoutVf = copyPointer(in.Status.Nics[i].WithoutVf)
	}
	out.Status.Downtime = copyPointer(in.Status.Downtime)
	out.Status.PhaseTimestamps = slices.Clone(in.Status.PhaseTimestamps)
	out.Status.Attempt = copyPointer(in.Status.Attempt)
	if in.Status.Preflight != nil {
		hosts := slices.Clone(in.Status.Preflight.Hosts)
		for i := range hosts {
			hosts[i].Reasons = slices.Clone(hosts[i].Reasons)
		}
		out.Status.Preflight = &Preflight{Hosts: hosts}
	}
}

// ---- VfReservation

type DevicePlan struct {
	MacAddress   string `json:"macAddress"`
	Alias        string `json:"alias,omitempty"`
	StandbyAlias string `json:"standbyAlias,omitempty"`
	GuestAddress string `json:"guestAddress,omitempty"`
	Managed      bool   `json:"managed"`
	OriginalVf   string `json:"originalVf,omitempty"`
}

type VfReservationSpec struct {
	HostName  string     `json:"hostName"`
	Address   string     `json:"address"`
	Holder    reference  `json:"holder"`
	Purpose   string     `json:"purpose"`
	Migration *reference `json:"migration,omitempty"`
	VmUUID    string     `json:"vmUUID,omitempty"`
	Device    DevicePlan `json:"device"`
}

type VfReservationStatus struct {
	ObservedGeneration int64 `json:"observedGeneration"`
}

type VfReservation struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata,omitempty"`
	Spec              VfReservationSpec   `json:"spec"`
	Status            VfReservationStatus `json:"status,omitempty"`
}

type VfReservationList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`
	Items           []VfReservation `json:"items"`
}

func (in *VfReservation) copyInto(out *VfReservation) {
	*out = *in
	in.ObjectMeta.DeepCopyInto(&out.ObjectMeta)
	out.Spec.Migration = copyPointer(in.Spec.Migration)
}

// ---- runtime.Object

func copyList[T any](in []T, copyInto func(in, out *T)) []T {
	if in == nil {
		return nil
	}
	out := make([]T, len(in))
	for i := range in {
		copyInto(&in[i], &out[i])
	}
	return out
}

func (in *VnicProfile) DeepCopyObject() runtime.Object {
	out := new(VnicProfile)
	in.copyInto(out)
	return out
}
func (in *VmHost) DeepCopyObject() runtime.Object { out := new(VmHost); in.copyInto(out); return out }
func (in *Vnic) DeepCopyObject() runtime.Object   { out := new(Vnic); in.copyInto(out); return out }
func (in *VmMigration) DeepCopyObject() runtime.Object {
	out := new(VmMigration)
	in.copyInto(out)
	return out
}
func (in *VfReservation) DeepCopyObject() runtime.Object {
	out := new(VfReservation)
	in.copyInto(out)
	return out
}
func (in *VnicProfileList) DeepCopyObject() runtime.Object {
	out := *in
	out.Items = copyList(in.Items, (*VnicProfile).copyInto)
	return &out
}
func (in *VmHostList) DeepCopyObject() runtime.Object {
	out := *in
	out.Items = copyList(in.Items, (*VmHost).copyInto)
	return &out
}
func (in *VnicList) DeepCopyObject() runtime.Object {
	out := *in
	out.Items = copyList(in.Items, (*Vnic).copyInto)
	return &out
}
func (in *VmMigrationList) DeepCopyObject() runtime.Object {
	out := *in
	out.Items = copyList(in.Items, (*VmMigration).copyInto)
	return &out
}
func (in *VfReservationList) DeepCopyObject() runtime.Object {
	out := *in
	out.Items = copyList(in.Items, (*VfReservation).copyInto)
	return &out
}

func withAnnotation(in map[string]string, key, value string) map[string]string {
	out := maps.Clone(in)
	if out == nil {
		out = map[string]string{}
	}
	out[key] = value
	return out
}
