package main

import (
	"bytes"
	"context"
	"fmt"
	"os/exec"
	"time"

	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/cache"
	"k8s.io/client-go/tools/clientcmd"
)

// enforcePolicies keeps the node's packet rules to what the cluster's NetworkPolicies say of its pods, until it is killed.
// The rules outlive it, as those of other enforcers do.
func enforcePolicies(arguments []string) error {
	if len(arguments) != 2 {
		return fmt.Errorf("wanted KUBECONFIG POD_ADDRESSES")
	}
	configuration, err := clientcmd.BuildConfigFromFlags("", arguments[0])
	if err != nil {
		return err
	}
	client, err := kubernetes.NewForConfig(configuration)
	if err != nil {
		return err
	}
	factory := informers.NewSharedInformerFactory(client, 0)
	pods := factory.Core().V1().Pods()
	namespaces := factory.Core().V1().Namespaces()
	policies := factory.Networking().V1().NetworkPolicies()

	// One place: whatever changes while rules are written is in the next ones.
	changed := make(chan struct{}, 1)
	notice := func(any) {
		select {
		case changed <- struct{}{}:
		default:
		}
	}
	handler := cache.ResourceEventHandlerFuncs{
		AddFunc: notice, UpdateFunc: func(_, now any) { notice(now) }, DeleteFunc: notice,
	}
	for _, informer := range []cache.SharedIndexInformer{pods.Informer(), namespaces.Informer(), policies.Informer()} {
		if _, err := informer.AddEventHandler(handler); err != nil {
			return err
		}
	}
	ctx := context.Background()
	factory.Start(ctx.Done())
	factory.WaitForCacheSync(ctx.Done())
	notice(nil)
	var written string
	for range changed {
		var now cluster
		if now.pods, err = pods.Lister().List(labels.Everything()); err != nil {
			return err
		}
		if now.namespaces, err = namespaces.Lister().List(labels.Everything()); err != nil {
			return err
		}
		if now.policies, err = policies.Lister().List(labels.Everything()); err != nil {
			return err
		}
		rules, err := now.rules(arguments[1])
		if err != nil {
			return err
		}
		if rules == written {
			continue
		}
		if err := load(rules); err != nil {
			// What cannot be enforced must not look enforced: the reason is in the log, and the old rules stand.
			fmt.Printf("%s %v\n%s\n", time.Now().Format(time.RFC3339Nano), err, rules)
			continue
		}
		written = rules
	}
	return nil
}

func load(rules string) error {
	command := exec.Command("nft", "-f", "-")
	command.Stdin = bytes.NewBufferString(rules)
	if output, err := command.CombinedOutput(); err != nil {
		return fmt.Errorf("nft: %w: %s", err, output)
	}
	return nil
}
