module github.com/kata-logs/fluent-bit-kata/build/bench

go 1.26.5

replace github.com/kata-logs/fluent-bit-kata => ../..

require (
	github.com/go-logfmt/logfmt v0.6.1
	github.com/grafana/loki/v3 v3.7.8
	github.com/kata-logs/fluent-bit-kata v0.0.0
	github.com/kr/logfmt v0.0.0-20140226030751-b84e30acd515
)

require (
	github.com/sirupsen/logrus v1.9.4 // indirect
	golang.org/x/sys v0.49.0 // indirect
)
