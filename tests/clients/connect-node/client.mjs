// The Connect client of Node, driven by lines of JSON: one call a line in, one answer a line out.
//
//   client.mjs URL DESCRIPTOR_SET
//   {"service": "coupon.v1.CouponService", "method": "IssueCoupon", "request": {...}, "headers": {...}, "json": false,
//    "gzip": false, "grpc": false, "timeoutMs": 5000}
//   {"response": {...}} or {"error": {"code": "not_found", "message": "RECORD_NOT_FOUND"}}
import { readFileSync } from "node:fs";
import { createInterface } from "node:readline";

import { createFileRegistry, fromBinary, fromJson, toJson } from "@bufbuild/protobuf";
import { FileDescriptorSetSchema } from "@bufbuild/protobuf/wkt";
import { Code, ConnectError, createClient } from "@connectrpc/connect";
import { compressionGzip, createConnectTransport, createGrpcTransport } from "@connectrpc/connect-node";

const [url, descriptorSet] = process.argv.slice(2);
const registry = createFileRegistry(fromBinary(FileDescriptorSetSchema, readFileSync(descriptorSet)));

function transportOf(call) {
  if (call.grpc) return createGrpcTransport({ baseUrl: url, sendCompression: call.gzip ? compressionGzip : null, compressMinBytes: 0 });
  return createConnectTransport({
    baseUrl: url,
    httpVersion: "1.1",
    useBinaryFormat: !call.json,
    acceptCompression: [],
    sendCompression: call.gzip ? compressionGzip : null,
    compressMinBytes: 0,
  });
}

// "AlreadyExists" -> "already_exists"
function nameOf(code) {
  return Code[code].replace(/(?<!^)([A-Z])/g, "_$1").toLowerCase();
}

async function answerTo(call) {
  const service = registry.getService(call.service);
  const method = service.methods.find((one) => one.name === call.method);
  try {
    const client = createClient(service, transportOf(call));
    const response = await client[method.localName](fromJson(method.input, call.request), {
      headers: call.headers ?? {},
      timeoutMs: call.timeoutMs,
    });
    return { response: toJson(method.output, response) };
  } catch (error) {
    const known = ConnectError.from(error);
    return { error: { code: nameOf(known.code), message: known.rawMessage } };
  }
}

for await (const line of createInterface({ input: process.stdin })) {
  process.stdout.write(`${JSON.stringify(await answerTo(JSON.parse(line)))}\n`);
}
