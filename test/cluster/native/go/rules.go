package main

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	core "k8s.io/api/core/v1"
	networking "k8s.io/api/networking/v1"
	meta "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/util/intstr"
)

// What policies are about, at one moment.
type cluster struct {
	pods       []*core.Pod
	namespaces []*core.Namespace
	policies   []*networking.NetworkPolicy
}

// hasOwnAddress is false for pods with the node's network, and for those that ended: their address may be another's.
func hasOwnAddress(pod *core.Pod) bool {
	ended := pod.Status.Phase == core.PodSucceeded || pod.Status.Phase == core.PodFailed
	return pod.Status.PodIP != "" && !pod.Spec.HostNetwork && !ended
}

// rules is one transaction that replaces the table. It looks at packets after kube-proxy has translated the addresses of
// services. A pod that is not known yet can send nothing: what it may send is not known either.
func (now cluster) rules(podAddresses string) (string, error) {
	var known, egress, ingress, chains []string
	pods := slices.DeleteFunc(slices.Clone(now.pods), func(pod *core.Pod) bool { return !hasOwnAddress(pod) })
	slices.SortFunc(pods, func(one, other *core.Pod) int { return cmp.Compare(one.Status.PodIP, other.Status.PodIP) })
	now.pods = slices.CompactFunc(pods, func(one, other *core.Pod) bool { return one.Status.PodIP == other.Status.PodIP })
	slices.SortFunc(now.policies, func(one, other *networking.NetworkPolicy) int { return cmp.Compare(one.UID, other.UID) })
	for _, pod := range now.pods {
		known = append(known, pod.Status.PodIP)
		for _, direction := range []networking.PolicyType{networking.PolicyTypeEgress, networking.PolicyTypeIngress} {
			allowed, isolated, err := now.allowed(pod, direction)
			if err != nil {
				return "", err
			}
			if !isolated {
				continue
			}
			name := strings.ToLower(string(direction)) + "_" + strings.ReplaceAll(pod.Status.PodIP, ".", "_")
			chains = append(chains, fmt.Sprintf("chain %s {\n%s\ndrop\n}", name, strings.Join(allowed, "\n")))
			element := fmt.Sprintf("%s : jump %s", pod.Status.PodIP, name)
			if direction == networking.PolicyTypeEgress {
				egress = append(egress, element)
			} else {
				ingress = append(ingress, element)
			}
		}
	}
	return fmt.Sprintf(`table inet kgents_policies
delete table inet kgents_policies
table inet kgents_policies {
%s
set known { type ipv4_addr; %s }
map egress { type ipv4_addr : verdict; %s }
map ingress { type ipv4_addr : verdict; %s }
chain prerouting {
type filter hook prerouting priority -90; policy accept;
ct state established,related accept
ip saddr %s ip saddr != @known drop
ip saddr vmap @egress
ip daddr vmap @ingress
}
}
`, strings.Join(chains, "\n"), elements(known), elements(egress), elements(ingress), podAddresses), nil
}

func elements(list []string) string {
	if len(list) == 0 {
		return ""
	}
	return "elements = { " + strings.Join(list, ", ") + " };"
}

// allowed returns a rule for each thing that policies allow a pod, and whether any policy isolates it.
func (now cluster) allowed(pod *core.Pod, direction networking.PolicyType) (rules []string, isolated bool, err error) {
	for _, policy := range now.policies {
		if policy.Namespace != pod.Namespace || !slices.Contains(policy.Spec.PolicyTypes, direction) {
			continue
		}
		selected, err := matches(&policy.Spec.PodSelector, pod.Labels)
		if err != nil {
			return nil, false, err
		}
		if !selected {
			continue
		}
		isolated = true
		if direction == networking.PolicyTypeEgress {
			for _, rule := range policy.Spec.Egress {
				found, err := now.matchers(policy.Namespace, "daddr", rule.To, rule.Ports, nil)
				if err != nil {
					return nil, false, err
				}
				rules = append(rules, found...)
			}
			continue
		}
		for _, rule := range policy.Spec.Ingress {
			found, err := now.matchers(policy.Namespace, "saddr", rule.From, rule.Ports, pod)
			if err != nil {
				return nil, false, err
			}
			rules = append(rules, found...)
		}
	}
	return rules, isolated, nil
}

// matchers crosses peers with ports. Named ports are those of the pod that is spoken to: `target`, or each peer.
func (now cluster) matchers(namespace, side string, peers []networking.NetworkPolicyPeer,
	ports []networking.NetworkPolicyPort, target *core.Pod) ([]string, error) {
	var rules []string
	add := func(peer string, spokenTo *core.Pod) {
		if len(ports) == 0 {
			rules = append(rules, peer+" return")
		}
		for _, port := range ports {
			if match, exists := portMatch(port, spokenTo); exists {
				rules = append(rules, peer+" "+match+" return")
			}
		}
	}
	if len(peers) == 0 {
		add("", target)
	}
	for _, peer := range peers {
		if peer.IPBlock != nil {
			match := fmt.Sprintf("ip %s %s", side, peer.IPBlock.CIDR)
			if len(peer.IPBlock.Except) > 0 {
				match += fmt.Sprintf(" ip %s != { %s }", side, strings.Join(peer.IPBlock.Except, ", "))
			}
			// Another address family would make the whole transaction fail.
			if !strings.Contains(peer.IPBlock.CIDR, ":") {
				add(match, target)
			}
			continue
		}
		for _, pod := range now.pods {
			selected, err := now.selects(peer, namespace, pod)
			if err != nil {
				return nil, err
			}
			if selected {
				spokenTo := target
				if spokenTo == nil {
					spokenTo = pod
				}
				add(fmt.Sprintf("ip %s %s", side, pod.Status.PodIP), spokenTo)
			}
		}
	}
	return rules, nil
}

func portMatch(port networking.NetworkPolicyPort, spokenTo *core.Pod) (match string, exists bool) {
	protocol := core.ProtocolTCP
	if port.Protocol != nil {
		protocol = *port.Protocol
	}
	name := strings.ToLower(string(protocol))
	switch {
	case port.Port == nil:
		return "meta l4proto " + name, true
	case port.Port.Type == intstr.Int && port.EndPort != nil:
		return fmt.Sprintf("%s dport %d-%d", name, port.Port.IntVal, *port.EndPort), true
	case port.Port.Type == intstr.Int:
		return fmt.Sprintf("%s dport %d", name, port.Port.IntVal), true
	case spokenTo == nil:
		return "", false
	}
	for _, container := range spokenTo.Spec.Containers {
		for _, candidate := range container.Ports {
			if candidate.Name == port.Port.StrVal && candidate.Protocol == protocol {
				return fmt.Sprintf("%s dport %d", name, candidate.ContainerPort), true
			}
		}
	}
	return "", false
}

func (now cluster) selects(peer networking.NetworkPolicyPeer, namespace string, pod *core.Pod) (bool, error) {
	if peer.NamespaceSelector == nil {
		if pod.Namespace != namespace {
			return false, nil
		}
	} else {
		index := slices.IndexFunc(now.namespaces, func(each *core.Namespace) bool { return each.Name == pod.Namespace })
		if index < 0 {
			return false, nil
		}
		if selected, err := matches(peer.NamespaceSelector, now.namespaces[index].Labels); err != nil || !selected {
			return false, err
		}
	}
	if peer.PodSelector == nil {
		return true, nil
	}
	return matches(peer.PodSelector, pod.Labels)
}

func matches(selector *meta.LabelSelector, of map[string]string) (bool, error) {
	compiled, err := meta.LabelSelectorAsSelector(selector)
	if err != nil {
		return false, err
	}
	return compiled.Matches(labels.Set(of)), nil
}
