module github.com/kata-logs/fluent-bit-kata/build/interop

go 1.25.0

replace github.com/kata-logs/fluent-bit-kata => ../..

require (
	github.com/fluent/fluent-bit-go v0.0.0-20230731091245-a7a013e2473c
	github.com/go-logfmt/logfmt v0.6.1
	github.com/kata-logs/fluent-bit-kata v0.0.0
	github.com/sirupsen/logrus v1.9.4
	github.com/ugorji/go/codec v1.3.2
)

require (
	github.com/hashicorp/golang-lru/v2 v2.0.7 // indirect
	golang.org/x/sys v0.47.0 // indirect
)
