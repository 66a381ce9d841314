#!/bin/sh
# Makes the certificates that tests/network.rs uses: an authority that nobody else trusts, and a host of its own.
set -eu
cd "$(dirname "$0")"
names=DNS:localhost,DNS:amazonaws.com,DNS:*.amazonaws.com,DNS:*.us-east-1.amazonaws.com,DNS:*.us-east-1.api.aws,DNS:*.global.api.aws,DNS:*.api.aws
openssl ecparam -name prime256v1 -genkey -noout -out ca.key
openssl req -x509 -new -key ca.key -days 36500 -subj "/CN=crossrole test authority" -out ca.pem \
  -addext "basicConstraints=critical,CA:TRUE" -addext "keyUsage=critical,keyCertSign"
openssl ecparam -name prime256v1 -genkey -noout | openssl pkcs8 -topk8 -nocrypt -out server.key
printf 'subjectAltName=%s\nbasicConstraints=CA:FALSE\n' "$names" > server.ext
openssl req -new -key server.key -subj "/CN=localhost" -out server.csr
openssl x509 -req -in server.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 36500 -extfile server.ext -out server.pem
rm -f ca.key ca.srl server.csr server.ext
