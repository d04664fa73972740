// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"time"

	coordinationv1 "k8s.io/api/coordination/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller/controllerutil"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"
)

// One pass over a migration takes one step; each stores what it has done before the next begins.
func (p *peer) migration(ctx context.Context, request reconcile.Request) (reconcile.Result, error) {
	var m VmMigration
	if err := p.Get(ctx, request.NamespacedName, &m); err != nil {
		return reconcile.Result{}, client.IgnoreNotFound(err)
	}
	if p.stale(&m) {
		return reconcile.Result{}, nil
	}
	if m.Annotations[finished] != "" && m.Status.Phase == "" {
		base := m.DeepCopyObject().(*VmMigration)
		p.enter(&m, "Succeeded", "FinishedBefore")
		return settle(p.patchStatus(ctx, &m, base))
	}
	var err error
	switch m.Status.Phase {
	case "":
		err = p.begin(ctx, &m)
	case "Reserving":
		err = p.reserve(ctx, &m)
	case "Detaching":
		err = p.detach(ctx, &m)
	case "Migrating":
		err = p.copy(ctx, &m)
	case "Attaching":
		err = p.attach(ctx, &m)
	default:
		err = p.conclude(ctx, &m)
	}
	return settle(err)
}

func (p *peer) enter(m *VmMigration, phase, reason string) {
	m.Status.ObservedGeneration = m.Generation
	if m.Status.Phase != phase {
		m.Status.Phase = phase
		m.Status.PhaseTimestamps = append(m.Status.PhaseTimestamps,
			PhaseTimestamp{Phase: phase, StartedAt: time.Now().UTC().Format(microTime)})
	}
	ended := metav1.ConditionUnknown
	if phase == "Succeeded" {
		ended = metav1.ConditionTrue
	}
	for _, kind := range []string{"Ready", "Succeeded", "VfsReserved", "VfsDetached", "Migrated", "VfsAttached"} {
		setCondition(&m.Status.Conditions, kind, ended, reason, "", m.Generation)
	}
}

// to stores the status and tells of the new phase.
func (p *peer) to(ctx context.Context, m *VmMigration, base *VmMigration) error {
	if err := p.patchStatus(ctx, m, base); err != nil {
		return err
	}
	if m.Status.Phase != base.Status.Phase {
		p.tell(m, m.Status.Phase, "Migrate", m.Spec.VmName)
	}
	return nil
}

func self(m *VmMigration) *reference {
	return &reference{Namespace: m.Namespace, Name: m.Name, UID: string(m.UID)}
}

// begin: finalizer, claim of the VM, choice of the target.
func (p *peer) begin(ctx context.Context, m *VmMigration) error {
	if !controllerutil.ContainsFinalizer(m, finalizer) {
		base := m.DeepCopyObject().(*VmMigration)
		controllerutil.AddFinalizer(m, finalizer)
		if err := p.patch(ctx, m, base); err != nil {
			return err
		}
	}
	source, machine, found := p.hosts.find(m.Spec.VmName)
	if !found {
		return nil
	}
	if err := p.claim(ctx, machine.uuid, string(m.UID)); err != nil {
		return err
	}
	chosen, err := p.choose(ctx, source)
	if err != nil {
		return err
	}
	vnic, err := p.vnicFor(ctx, m)
	if err != nil || vnic == nil {
		return err
	}
	base := m.DeepCopyObject().(*VmMigration)
	m.Status.SourceHost, m.Status.TargetHost, m.Status.VmUUID = source, chosen, machine.uuid
	m.Status.Attempts = 1
	m.Status.Attempt = &MigrationAttempt{Number: 1, Direction: "Forward"}
	m.Status.Nics = []NicMigrationStatus{{Vnic: vnic.Name, Mac: machine.mac, Profile: vnic.Spec.Profile.Name,
		SourceVf: machine.vf, State: "Attached"}}
	p.enter(m, "Reserving", "TargetChosen")
	return p.to(ctx, m, base)
}

func (p *peer) claim(ctx context.Context, uuid, holder string) error {
	var lease coordinationv1.Lease
	err := p.live.Get(ctx, client.ObjectKey{Namespace: operatorSpace, Name: "vm-" + uuid}, &lease)
	if !apierrors.IsNotFound(err) {
		return err
	}
	now := metav1.NowMicro()
	return client.IgnoreAlreadyExists(p.Create(ctx, &coordinationv1.Lease{
		ObjectMeta: metav1.ObjectMeta{Namespace: operatorSpace, Name: "vm-" + uuid},
		Spec:       coordinationv1.LeaseSpec{HolderIdentity: &holder, AcquireTime: &now, RenewTime: &now}}))
}

// choose: the host with the most free VFs.
func (p *peer) choose(ctx context.Context, source string) (string, error) {
	var hosts VmHostList
	if err := p.List(ctx, &hosts, client.UnsafeDisableDeepCopy); err != nil {
		return "", err
	}
	taken, err := p.taken(ctx)
	if err != nil {
		return "", err
	}
	best, most := "", -1
	for i := range hosts.Items {
		name := hosts.Items[i].Name
		vfs, _ := p.hosts.snapshot(name)
		if free := len(vfs) - len(taken[name]); name != source && (free > most || free == most && name < best) {
			best, most = name, free
		}
	}
	return best, nil
}

// taken: the VFs that reservations name, by host.
func (p *peer) taken(ctx context.Context) (map[string]map[string]*VfReservation, error) {
	var all VfReservationList
	if err := p.List(ctx, &all, client.UnsafeDisableDeepCopy); err != nil {
		return nil, err
	}
	taken := map[string]map[string]*VfReservation{}
	for i := range all.Items {
		r := &all.Items[i]
		if taken[r.Spec.HostName] == nil {
			taken[r.Spec.HostName] = map[string]*VfReservation{}
		}
		taken[r.Spec.HostName][r.Spec.Address] = r
	}
	return taken, nil
}

func (p *peer) vnicFor(ctx context.Context, m *VmMigration) (*Vnic, error) {
	var vnics VnicList
	err := p.List(ctx, &vnics, client.InNamespace(m.Namespace),
		client.MatchingFields{"spec.vmName": m.Spec.VmName}, client.UnsafeDisableDeepCopy)
	if err != nil || len(vnics.Items) == 0 {
		return nil, err
	}
	return &vnics.Items[0], nil
}

// held: the reservations of the migration's Vnic on source and target.
func (p *peer) held(ctx context.Context, m *VmMigration, vnic *Vnic) (source, onTarget *VfReservation, err error) {
	var held VfReservationList
	if err := p.List(ctx, &held, client.MatchingFields{byHolder: string(vnic.UID)}); err != nil {
		return nil, nil, err
	}
	for i := range held.Items {
		r := &held.Items[i]
		if p.stale(r) {
			continue
		}
		switch r.Spec.HostName {
		case m.Status.SourceHost:
			source = r
		case m.Status.TargetHost:
			onTarget = r
		}
	}
	return source, onTarget, nil
}

// reserve: the source's VF becomes the way back, then the target's is claimed.
func (p *peer) reserve(ctx context.Context, m *VmMigration) error {
	vnic, err := p.vnicFor(ctx, m)
	if err != nil || vnic == nil {
		return err
	}
	source, onTarget, err := p.held(ctx, m, vnic)
	if err != nil || source == nil {
		return err // the Vnic adopts it; its event brings us back
	}
	base := m.DeepCopyObject().(*VmMigration)
	switch {
	case source.Spec.Purpose != giveBack:
		before := source.DeepCopyObject().(*VfReservation)
		source.Spec.Purpose, source.Spec.Migration = giveBack, self(m)
		if err := p.patch(ctx, source, before); err != nil {
			return err
		}
		p.enter(m, "Reserving", "Reserving")
		return p.to(ctx, m, base)
	case onTarget == nil:
		taken, err := p.taken(ctx)
		if err != nil {
			return err
		}
		vfs, _ := p.hosts.snapshot(m.Status.TargetHost)
		_, machine, _ := p.hosts.find(m.Spec.VmName)
		for _, vf := range vfs {
			if taken[m.Status.TargetHost][vf] != nil {
				continue
			}
			r := newReservation(m.Status.TargetHost, machine, vf, target, vnic, self(m))
			err := p.Create(ctx, r)
			if apierrors.IsAlreadyExists(err) {
				continue // somebody was faster
			}
			if err != nil {
				return err
			}
			m.Status.Nics[0].TargetVf = vf
			p.enter(m, "Reserving", "Reserved")
			return p.to(ctx, m, base)
		}
		return nil
	}
	p.hosts.setVf(m.Status.SourceHost, m.Spec.VmName, "")
	p.lookAt(m.Status.SourceHost)
	m.Status.Nics[0].State = "Detached"
	m.Status.Nics[0].DetachedAt = time.Now().UTC().Format(microTime)
	p.enter(m, "Detaching", "Detaching")
	return p.to(ctx, m, base)
}

// detach: it is out; the copy is asked for, which is stored before.
func (p *peer) detach(ctx context.Context, m *VmMigration) error {
	base := m.DeepCopyObject().(*VmMigration)
	m.Status.Attempt.CopyRequestedAt = time.Now().UTC().Format(microTime)
	p.enter(m, "Migrating", "Copying")
	if err := p.to(ctx, m, base); err != nil {
		return err
	}
	p.hosts.migrate(m.Spec.VmName, m.Status.TargetHost)
	p.lookAt(m.Status.SourceHost)
	p.lookAt(m.Status.TargetHost)
	return nil
}

// copy: it runs on the target; the VF goes in.
func (p *peer) copy(ctx context.Context, m *VmMigration) error {
	base := m.DeepCopyObject().(*VmMigration)
	p.hosts.setVf(m.Status.TargetHost, m.Spec.VmName, m.Status.Nics[0].TargetVf)
	p.lookAt(m.Status.TargetHost)
	downtime := int64(120)
	m.Status.Downtime = &downtime
	m.Status.Nics[0].State = "Attached"
	m.Status.Nics[0].AttachedAt = time.Now().UTC().Format(microTime)
	p.enter(m, "Attaching", "Attaching")
	return p.to(ctx, m, base)
}

// attach: the reservations follow.
func (p *peer) attach(ctx context.Context, m *VmMigration) error {
	vnic, err := p.vnicFor(ctx, m)
	if err != nil || vnic == nil {
		return err
	}
	source, onTarget, err := p.held(ctx, m, vnic)
	if err != nil || onTarget == nil {
		return err
	}
	settled := true
	if onTarget.Spec.Purpose != inUse {
		before := onTarget.DeepCopyObject().(*VfReservation)
		onTarget.Spec.Purpose, onTarget.Spec.Migration = inUse, nil
		if err := p.patch(ctx, onTarget, before); err != nil {
			return err
		}
		settled = false
	}
	if source != nil && source.Spec.Purpose != releasing {
		before := source.DeepCopyObject().(*VfReservation)
		source.Spec.Purpose = releasing
		if err := p.patch(ctx, source, before); err != nil {
			return err
		}
		settled = false
	}
	base := m.DeepCopyObject().(*VmMigration)
	if settled {
		p.enter(m, "Succeeded", "Migrated")
	} else {
		p.enter(m, "Attaching", "Settling")
	}
	return p.to(ctx, m, base)
}

// conclude: annotation, claim, finalizer.
func (p *peer) conclude(ctx context.Context, m *VmMigration) error {
	if !controllerutil.ContainsFinalizer(m, finalizer) {
		return nil
	}
	base := m.DeepCopyObject().(*VmMigration)
	m.Annotations = withAnnotation(m.Annotations, finished, m.Status.Phase)
	if err := p.patch(ctx, m, base); err != nil {
		return err
	}
	var lease coordinationv1.Lease
	err := p.live.Get(ctx, client.ObjectKey{Namespace: operatorSpace, Name: "vm-" + m.Status.VmUUID}, &lease)
	if err == nil {
		uid, version := lease.UID, lease.ResourceVersion
		err = p.Delete(ctx, &lease, client.Preconditions{UID: &uid, ResourceVersion: &version})
	}
	if client.IgnoreNotFound(err) != nil {
		return err
	}
	base = m.DeepCopyObject().(*VmMigration)
	controllerutil.RemoveFinalizer(m, finalizer)
	return p.patch(ctx, m, base)
}
