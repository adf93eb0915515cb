#!/usr/bin/env bash
# generate.sh PROTO_DIRECTORY DIRECTORY: the client's module with its generated code, and the program DIRECTORY/client.
set -euo pipefail
protos="$(cd "$1" && pwd)"
mkdir -p "$2"
cp "$(dirname "${BASH_SOURCE[0]}")"/{main.go,tools.go,go.mod,go.sum} "$2"
cd "$2"
export GOBIN="$PWD/bin" GOFLAGS=-mod=readonly
go install google.golang.org/protobuf/cmd/protoc-gen-go
options=(--go_out=. --go_opt=module=openrun.test/client)
for file in coupon/v1/coupon.proto coupon_issuance/v1/coupon_issuance.proto rpc_campaign/rpc_campaign.proto rpc_coupon/rpc_coupon.proto; do
  options+=("--go_opt=M$file=openrun.test/client/gen/${file%/*}")
done
rm -rf gen
PATH="$GOBIN:$PATH" protoc -I "$protos" "${options[@]}" coupon/v1/coupon.proto coupon_issuance/v1/coupon_issuance.proto \
  rpc_campaign/rpc_campaign.proto rpc_coupon/rpc_coupon.proto
go build -o client .
