package main

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"os"
	"strings"
	"time"

	"golang.org/x/net/dns/dnsmessage"
)

const (
	credentials = "/var/run/secrets/kubernetes.io/serviceaccount/"
	suffix      = ".svc.cluster.local."
)

// serveNames answers for SERVICE.NAMESPACE.svc.cluster.local from the API server, and knows no other name.
func serveNames(_ []string) error {
	authority, err := os.ReadFile(credentials + "ca.crt")
	if err != nil {
		return err
	}
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(authority)
	client := &http.Client{Timeout: 2 * time.Second, Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool}}}
	connection, err := net.ListenPacket("udp", ":53")
	if err != nil {
		return err
	}
	for {
		question := make([]byte, 1232)
		length, from, err := connection.ReadFrom(question)
		if err != nil {
			return err
		}
		go func() {
			if answer, err := answerTo(client, question[:length]); err == nil {
				_, _ = connection.WriteTo(answer, from)
			}
		}()
	}
}

func answerTo(client *http.Client, packet []byte) ([]byte, error) {
	var parser dnsmessage.Parser
	header, err := parser.Start(packet)
	if err != nil {
		return nil, err
	}
	question, err := parser.Question()
	if err != nil {
		return nil, err
	}
	address, err := addressOf(client, strings.ToLower(question.Name.String()))
	answer := dnsmessage.Header{ID: header.ID, Response: true, Authoritative: true, RecursionDesired: header.RecursionDesired}
	switch {
	case err != nil:
		answer.RCode = dnsmessage.RCodeServerFailure
	case address == nil:
		answer.RCode = dnsmessage.RCodeNameError
	}
	builder := dnsmessage.NewBuilder(nil, answer)
	if err := builder.StartQuestions(); err != nil {
		return nil, err
	}
	if err := builder.Question(question); err != nil {
		return nil, err
	}
	if err := builder.StartAnswers(); err != nil {
		return nil, err
	}
	if address != nil && question.Type == dnsmessage.TypeA {
		record := dnsmessage.ResourceHeader{Name: question.Name, Class: dnsmessage.ClassINET, TTL: 5}
		if err := builder.AResource(record, dnsmessage.AResource{A: [4]byte(address)}); err != nil {
			return nil, err
		}
	}
	return builder.Finish()
}

// addressOf returns nil for a name that does not exist.
func addressOf(client *http.Client, name string) (net.IP, error) {
	labels := strings.Split(strings.TrimSuffix(name, suffix), ".")
	if !strings.HasSuffix(name, suffix) || len(labels) != 2 {
		return nil, nil
	}
	token, err := os.ReadFile(credentials + "token")
	if err != nil {
		return nil, err
	}
	location := fmt.Sprintf("https://%s/api/v1/namespaces/%s/services/%s",
		net.JoinHostPort(os.Getenv("KUBERNETES_SERVICE_HOST"), os.Getenv("KUBERNETES_SERVICE_PORT")), labels[1], labels[0])
	request, err := http.NewRequest(http.MethodGet, location, nil)
	if err != nil {
		return nil, err
	}
	request.Header.Set("Authorization", "Bearer "+string(token))
	response, err := client.Do(request)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	if response.StatusCode == http.StatusNotFound {
		return nil, nil
	}
	if response.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("%s: %s", location, response.Status)
	}
	var service struct {
		Spec struct {
			ClusterIP string `json:"clusterIP"`
		} `json:"spec"`
	}
	if err := json.NewDecoder(response.Body).Decode(&service); err != nil {
		return nil, err
	}
	return net.ParseIP(service.Spec.ClusterIP).To4(), nil
}
