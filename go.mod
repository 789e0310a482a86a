module github.com/kata-logs/fluent-bit-kata

// The newest thing that the code uses is sync.WaitGroup.Go; go vet reports what is newer.
go 1.25.0

require (
	github.com/fluent/fluent-bit-go v0.0.0-20230731091245-a7a013e2473c
	github.com/hashicorp/golang-lru/v2 v2.0.7
	github.com/json-iterator/go v1.1.12
	github.com/klauspost/compress v1.20.4
	golang.org/x/sys v0.47.0
)

require (
	github.com/modern-go/concurrent v0.0.0-20180228061459-e0a39a4cb421 // indirect
	github.com/modern-go/reflect2 v1.0.2 // indirect
	github.com/ugorji/go/codec v1.3.2 // indirect
)
