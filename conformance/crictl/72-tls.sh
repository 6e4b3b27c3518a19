# exec over TLS, with the certificate that the daemon makes for itself: it is started again for that, twice.
# shellcheck shell=bash

need_commands openssl:openssl
run_shell tls
# restart CONFIG...   lines for the daemon's configuration, in place of what it has.
restart() {
    end_process "$DIR/pid" "$DIR" 30 && printf '%s\n' "$@" >"$DIR/config.toml" && "$CONFORMANCE/daemon.sh" "$DIR" >/dev/null
}
cp "$DIR/config.toml" "$DIR/config.before"
check "the daemon starts again, with TLS" restart '[streaming]' 'enable_tls = true'
# crictl verifies only if it is given a certificate of its own as well; nobody looks at that.
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=crictl -keyout "$DIR/own.key" -out "$DIR/own.crt" 2>/dev/null
OWN=(--tls-cert "$DIR/own.crt" --tls-key "$DIR/own.key")
for TRANSPORT in spdy websocket; do
    c exec -r $TRANSPORT --tls-ca "$DIR/root/streaming/ca.crt" "${OWN[@]}" "$CONTAINER" echo verified
    check "$TRANSPORT: the server's certificate is verified by its ca.crt" prints_exactly verified
    c exec -r $TRANSPORT --tls-ca "$DIR/own.crt" "${OWN[@]}" "$CONTAINER" echo verified
    check "$TRANSPORT: and by no other" fails 'certificate'
    c exec -r $TRANSPORT "$CONTAINER" echo unverified
    check "$TRANSPORT: without an authority it is not verified" prints_exactly unverified
done
check "the key is for root alone" test "$(stat -c %a "$DIR/root/streaming/streaming.p12")" = 600
check "the daemon starts again, without" restart "$(cat "$DIR/config.before")"
c exec "$CONTAINER" echo plain
check "and serves plainly" prints_exactly plain
