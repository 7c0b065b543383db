#!/usr/bin/env bash
# Makes a small authority and certificates of it, for tests and demos:
#
#   tools/dev/certificates.sh [--days N] FOLDER NAME…
#
# FOLDER/authority.pem is what every side trusts, FOLDER/NAME.pem and NAME-key.pem are a side's own. A NAME may be followed by the
# other names and addresses that it is dialled by: "node-1=node-1.example.org,10.0.0.7"; localhost, 127.0.0.1 and ::1 are always
# among them. An authority that is in FOLDER already is used again. N may be negative, for tests: then they have expired.
set -euo pipefail

days=825
if [[ ${1:-} == --days ]]; then
  days=$2
  shift 2
fi
if (($# < 2)); then
  sed -n '2,9s/^# \{0,1\}//p' "$0" >&2
  exit 64
fi
folder=$1
shift
mkdir -p "$folder"
cd "$folder"
umask 077

scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
# An hour early, for clocks that differ.
when() { date -u -d "$1 -1 hour" +%Y%m%d%H%M%SZ; }
make_key() { openssl ecparam -name prime256v1 -genkey -noout -out "$1" 2>/dev/null; }

if [[ ! -f authority.pem ]]; then
  make_key authority-key.pem
  openssl req -x509 -new -sha256 -key authority-key.pem -days 3650 -subj "/CN=Vedette authority $(date -u +%Y-%m-%d)" \
    -addext basicConstraints=critical,CA:true -addext keyUsage=critical,keyCertSign,cRLSign -out authority.pem
fi

for entry in "$@"; do
  name=${entry%%=*}
  others=
  [[ $entry == *=* ]] && others=${entry#*=}
  alternatives="DNS:$name,DNS:localhost,IP:127.0.0.1,IP:::1"
  IFS=, read -ra list <<<"$others"
  for other in "${list[@]}"; do
    if [[ $other =~ ^[0-9.]+$ || $other == *:* ]]; then
      alternatives+=",IP:$other"
    else
      alternatives+=",DNS:$other"
    fi
  done
  make_key "$name-key.pem"
  openssl req -new -sha256 -key "$name-key.pem" -subj "/CN=$name" -out "$name.csr"
  cat >"$scratch/ca.conf" <<END
[ca]
default_ca = own
[own]
new_certs_dir = $scratch
database = $scratch/index
rand_serial = yes
policy = any
default_md = sha256
unique_subject = no
x509_extensions = extensions
[any]
commonName = supplied
[extensions]
basicConstraints = critical,CA:false
keyUsage = critical,digitalSignature
extendedKeyUsage = serverAuth,clientAuth
subjectAltName = $alternatives
END
  : >"$scratch/index"
  openssl ca -batch -notext -config "$scratch/ca.conf" -cert authority.pem -keyfile authority-key.pem \
    -startdate "$(when "$((days < 0 ? days - 1 : 0)) days")" -enddate "$(when "$days days")" -in "$name.csr" -out "$name.pem" 2>/dev/null
  rm -f "$name.csr"
done
chmod 644 authority.pem
