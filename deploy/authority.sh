# Bash functions to create a certificate authority and certificates signed by it, with openssl. To be sourced.

# make_authority DIRECTORY COMMON_NAME DAYS: ca.crt and ca.key.
make_authority() {
  openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days "$3" -subj "/CN=$2" \
    -addext keyUsage=critical,keyCertSign,cRLSign,digitalSignature -keyout "$1/ca.key" -out "$1/ca.crt" 2>/dev/null
}

# make_certificate DIRECTORY NAME SUBJECT DAYS USAGE [ALTERNATIVE_NAMES]: NAME.crt and NAME.key, signed by DIRECTORY's
# ca.key.
make_certificate() {
  openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj "$3" -keyout "$1/$2.key" 2>/dev/null |
    openssl x509 -req -days "$4" -CA "$1/ca.crt" -CAkey "$1/ca.key" -set_serial "0x$(openssl rand -hex 8)" \
      -extfile <(echo "basicConstraints=CA:FALSE"; echo "extendedKeyUsage=$5"; [ -z "${6:-}" ] || echo "subjectAltName=$6") \
      -out "$1/$2.crt" 2>/dev/null
}
