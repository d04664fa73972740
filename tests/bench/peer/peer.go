// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"strconv"
	"strings"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/tools/events"
	"k8s.io/client-go/util/flowcontrol"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/builder"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	crmanager "sigs.k8s.io/controller-runtime/pkg/manager"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"
	"sigs.k8s.io/controller-runtime/pkg/source"
)

const (
	finalizer  = "vnic.dev/operator"
	finished   = "vnic.dev/finished"
	inUse      = "InUse"
	giveBack   = "Return"
	target     = "Target"
	releasing  = "Releasing"
	byHost     = "spec.hostName"
	byHolder   = "spec.holder.uid"
	microTime  = "2006-01-02T15:04:05.000000Z"
	readPeriod = 30 * time.Second
)

// peer has one method per kind: what to do with an object of it.
type peer struct {
	client.Client
	live    client.Reader
	events  events.EventRecorder
	hosts   *hypervisor
	workers int

	happenings  chan happening
	hostChanged chan event.TypedGenericEvent[*VmHost]
	written     sync.Map // types.UID -> the resourceVersion of our last write
}

func (p *peer) setUp(manager ctrl.Manager) error {
	ctx := context.Background()
	index := func(field string, value func(*VfReservation) string) error {
		return manager.GetFieldIndexer().IndexField(ctx, &VfReservation{}, field,
			func(o client.Object) []string { return []string{value(o.(*VfReservation))} })
	}
	if err := index(byHost, func(r *VfReservation) string { return r.Spec.HostName }); err != nil {
		return err
	}
	if err := index(byHolder, func(r *VfReservation) string { return r.Spec.Holder.UID }); err != nil {
		return err
	}
	if err := manager.GetFieldIndexer().IndexField(ctx, &Vnic{}, "spec.vmName",
		func(o client.Object) []string { return []string{o.(*Vnic).Spec.VmName} }); err != nil {
		return err
	}
	p.happenings = make(chan happening, 1000)
	if err := manager.Add(crmanager.RunnableFunc(p.record)); err != nil {
		return err
	}
	p.hostChanged = make(chan event.TypedGenericEvent[*VmHost], 1024)
	many := controller.Options{MaxConcurrentReconciles: p.workers}
	to := func(f func(*VfReservation) types.NamespacedName) handler.EventHandler {
		return handler.EnqueueRequestsFromMapFunc(
			func(_ context.Context, o client.Object) []reconcile.Request {
				key := f(o.(*VfReservation))
				if key.Name == "" {
					return nil
				}
				return []reconcile.Request{{NamespacedName: key}}
			})
	}
	build := func(kind client.Object, name string, options controller.Options) *builder.Builder {
		return ctrl.NewControllerManagedBy(manager).For(kind).Named(name).WithOptions(options)
	}
	if err := build(&VmHost{}, "vmhost", many).
		Watches(&VfReservation{}, to(func(r *VfReservation) types.NamespacedName {
			return types.NamespacedName{Name: r.Spec.HostName}
		})).
		WatchesRawSource(source.TypedChannel(p.hostChanged,
			&handler.TypedEnqueueRequestForObject[*VmHost]{})).
		Complete(reconcile.Func(p.host)); err != nil {
		return err
	}
	if err := build(&VnicProfile{}, "vnicprofile", controller.Options{MaxConcurrentReconciles: 1}).
		Watches(&VfReservation{}, handler.EnqueueRequestsFromMapFunc(
			func(context.Context, client.Object) []reconcile.Request {
				return []reconcile.Request{{NamespacedName: types.NamespacedName{Name: "blue"}}}
			})).
		Complete(reconcile.Func(p.profile)); err != nil {
		return err
	}
	if err := build(&Vnic{}, "vnic", many).
		Watches(&VfReservation{}, to(func(r *VfReservation) types.NamespacedName {
			return types.NamespacedName{Namespace: r.Spec.Holder.Namespace, Name: r.Spec.Holder.Name}
		})).
		Watches(&VmMigration{}, handler.EnqueueRequestsFromMapFunc(p.vnicsOf)).
		Complete(reconcile.Func(p.vnic)); err != nil {
		return err
	}
	if err := build(&VfReservation{}, "vfreservation", many).
		Complete(reconcile.Func(p.reservation)); err != nil {
		return err
	}
	return build(&VmMigration{}, "vmmigration", many).
		Watches(&VfReservation{}, to(func(r *VfReservation) types.NamespacedName {
			if r.Spec.Migration == nil {
				return types.NamespacedName{}
			}
			return types.NamespacedName{Namespace: r.Spec.Migration.Namespace, Name: r.Spec.Migration.Name}
		})).
		Complete(reconcile.Func(p.migration))
}

func (p *peer) vnicsOf(ctx context.Context, o client.Object) []reconcile.Request {
	m := o.(*VmMigration)
	var vnics VnicList
	if err := p.List(ctx, &vnics, client.InNamespace(m.Namespace),
		client.MatchingFields{"spec.vmName": m.Spec.VmName}, client.UnsafeDisableDeepCopy); err != nil {
		return nil
	}
	requests := make([]reconcile.Request, 0, len(vnics.Items))
	for i := range vnics.Items {
		requests = append(requests, reconcile.Request{NamespacedName: client.ObjectKeyFromObject(&vnics.Items[i])})
	}
	return requests
}

// look again at a host: what its libvirt would tell by an event.
func (p *peer) lookAt(host string) {
	p.hostChanged <- event.TypedGenericEvent[*VmHost]{Object: &VmHost{ObjectMeta: metav1.ObjectMeta{Name: host}}}
}

// ---- own writes are seen before the next pass

func (p *peer) wrote(o client.Object) { p.written.Store(o.GetUID(), o.GetResourceVersion()) }

func (p *peer) stale(o client.Object) bool {
	last, ok := p.written.Load(o.GetUID())
	return ok && version(o.GetResourceVersion()) < version(last.(string))
}

func version(text string) uint64 {
	number, _ := strconv.ParseUint(text, 10, 64)
	return number
}

// ---- helpers of all kinds

func (p *peer) patch(ctx context.Context, o client.Object, base client.Object) error {
	err := p.Patch(ctx, o, client.MergeFromWithOptions(base, client.MergeFromWithOptimisticLock{}))
	if err == nil {
		p.wrote(o)
	}
	return err
}

func (p *peer) patchStatus(ctx context.Context, o client.Object, base client.Object) error {
	err := p.Status().Patch(ctx, o, client.MergeFromWithOptions(base, client.MergeFromWithOptimisticLock{}))
	if err == nil {
		p.wrote(o)
	}
	return err
}

// settle: a conflict is no error, the newer object is on its way.
func settle(err error) (reconcile.Result, error) {
	if apierrors.IsConflict(err) {
		return reconcile.Result{RequeueAfter: 5 * time.Millisecond}, nil
	}
	return reconcile.Result{}, client.IgnoreNotFound(err)
}

func setCondition(conditions *[]metav1.Condition, kind string, status metav1.ConditionStatus, reason, message string, generation int64) {
	meta.SetStatusCondition(conditions, metav1.Condition{Type: kind, Status: status, Reason: reason,
		Message: message, ObservedGeneration: generation})
}

type happening struct {
	object               client.Object
	reason, action, note string
}

// tell never waits: what does not fit into the queue is dropped.
func (p *peer) tell(o client.Object, reason, action, note string) {
	select {
	case p.happenings <- happening{o, reason, action, note}:
	default:
	}
}

// record writes events, as many a second as the operator does.
func (p *peer) record(ctx context.Context) error {
	limit := flowcontrol.NewTokenBucketRateLimiter(5, 10)
	for {
		select {
		case <-ctx.Done():
			return nil
		case h := <-p.happenings:
			limit.Accept()
			p.events.Eventf(h.object, nil, corev1.EventTypeNormal, h.reason, h.action, h.note)
		}
	}
}

func reservationName(host, vf string) string {
	return host + "." + strings.ReplaceAll(vf, ":", "-")
}
