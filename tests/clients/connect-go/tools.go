//go:build tools

// The generator of the client's code, so that go.mod and go.sum pin it too.
package main

import _ "google.golang.org/protobuf/cmd/protoc-gen-go"
