// SPDX-License-Identifier: Apache-2.0

// The peer that the operator is measured against: what its migrations need, built on Go's
// controller-runtime in the way that its documentation shows, with the same objects, the same
// requests for each migration and the same hosts in memory. It knows no failures beyond those of the
// API server, no preflight, no cancel, no way back.
package main

import (
	"errors"
	"flag"
	"net/http"
	"os"
	"sync/atomic"

	coordinationv1 "k8s.io/api/coordination/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/kubernetes/scheme"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/log/zap"
	metricsserver "sigs.k8s.io/controller-runtime/pkg/metrics/server"
)

const operatorSpace = "vnic-operator-system"

func fail(err error) {
	if err != nil {
		ctrl.Log.Error(err, "cannot go on")
		os.Exit(1)
	}
}

func main() {
	hosts := flag.Int("hosts", 2, "hosts in memory")
	vfs := flag.Int("vfs-per-host", 128, "VFs of each")
	vms := flag.Int("vms", 0, "VMs on all of them")
	workers := flag.Int("workers", 4, "reconciles at once, per controller")
	health := flag.String("health-bind-address", ":8081", "address of /readyz")
	metrics := flag.String("metrics-bind-address", ":8080", "address of /metrics")
	flag.Parse()
	ctrl.SetLogger(zap.New())

	objects := runtime.NewScheme()
	fail(scheme.AddToScheme(objects))
	fail(kinds.AddToScheme(objects))
	config := ctrl.GetConfigOrDie()
	config.QPS, config.Burst = -1, -1 // no limit of its own, as the operator is measured
	manager, err := ctrl.NewManager(config, ctrl.Options{
		Scheme:                        objects,
		HealthProbeBindAddress:        *health,
		Metrics:                       metricsserver.Options{BindAddress: *metrics},
		LeaderElection:                true,
		LeaderElectionID:              "vnic-operator",
		LeaderElectionNamespace:       operatorSpace,
		LeaderElectionReleaseOnCancel: true,
		// What its documentation recommends against memory: no managedFields, no cache of what is
		// only read by name, no copies of lists.
		Cache: cache.Options{DefaultTransform: cache.TransformStripManagedFields()},
		Client: client.Options{Cache: &client.CacheOptions{
			DisableFor: []client.Object{&coordinationv1.Lease{}}}},
	})
	fail(err)
	p := &peer{
		Client:  manager.GetClient(),
		live:    manager.GetAPIReader(),
		events:  manager.GetEventRecorder("vnic-operator"),
		hosts:   newHypervisor(*hosts, *vfs, *vms),
		workers: *workers,
	}
	fail(p.setUp(manager))
	// Ready as the operator is: when all objects are there.
	ctx := ctrl.SetupSignalHandler()
	for _, kind := range []client.Object{&VmHost{}, &VnicProfile{}, &Vnic{}, &VfReservation{}, &VmMigration{}} {
		_, err := manager.GetCache().GetInformer(ctx, kind, cache.BlockUntilSynced(false))
		fail(err)
	}
	var synced atomic.Bool
	go func() { synced.Store(manager.GetCache().WaitForCacheSync(ctx)) }()
	fail(manager.AddReadyzCheck("caches", func(*http.Request) error {
		if !synced.Load() {
			return errors.New("the first list is not complete")
		}
		return nil
	}))
	fail(manager.Start(ctx))
}
