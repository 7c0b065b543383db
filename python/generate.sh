#!/usr/bin/env bash
# Makes vedette/_proto from the broker's interface and the links' heads. Needs grpcio-tools, of the oldest grpcio that
# pyproject.toml allows.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"
python3 -m grpc_tools.protoc -I ../src/vedette/broker --python_out=vedette/_proto \
  --pyi_out=vedette/_proto --grpc_python_out=vedette/_proto broker.proto
python3 -m grpc_tools.protoc -I ../src/vedette/link --python_out=vedette/_proto --pyi_out=vedette/_proto observation.proto
sed -i 's/^import broker_pb2 as broker__pb2/from vedette._proto import broker_pb2 as broker__pb2/' vedette/_proto/broker_pb2_grpc.py
