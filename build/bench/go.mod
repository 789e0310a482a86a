module github.com/kata-logs/fluent-bit-kata/build/bench

go 1.26.5

replace github.com/kata-logs/fluent-bit-kata => ../..

require (
	github.com/fluent/fluent-bit-go v0.0.0-20230731091245-a7a013e2473c
	github.com/go-json-experiment/json v1.27.2
	github.com/go-logfmt/logfmt v0.6.1
	github.com/grafana/loki/v3 v3.7.8
	github.com/json-iterator/go v1.1.12
	github.com/kata-logs/fluent-bit-kata v0.0.0
	github.com/kr/logfmt v0.0.0-20140226030751-b84e30acd515
	golang.org/x/sys v0.49.0
)

require (
	github.com/hashicorp/golang-lru/v2 v2.0.7 // indirect
	github.com/klauspost/compress v1.20.4 // indirect
	github.com/modern-go/concurrent v0.0.0-20180306012644-bacd9c7ef1dd // indirect
	github.com/modern-go/reflect2 v1.0.3-0.20250322232337-35a7c28c31ee // indirect
	github.com/pierrec/lz4/v4 v4.1.33 // indirect
	github.com/ugorji/go/codec v1.3.2 // indirect
	github.com/ulikunitz/xz v0.5.17 // indirect
)
