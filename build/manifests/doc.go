// Package manifests tests the files in deploy and the compose file in examples. It renders them
// as helm and kustomize do, with the versions of these that go.mod names, checks the result
// against Kubernetes's schemas and its Pod Security Standards, and the configurations in
// it with Fluent Bit's --dry-run if FLUENT_BIT names one.
//
//	FLUENT_BIT=/path/to/fluent-bit go test ./...
//
// One test has a kube-apiserver take everything, if KUBE_APISERVER and ETCD name the programs and
// kubectl is on PATH: CONTRIBUTING.md says how to get them.
//
// testdata/chart has the official chart of Fluent Bit that the values are for, without its
// documents.
package manifests
