/** A port-forward to the guide's gateway, as a person would open one in a shell. */

/** Shell lines that leave the port in `$port` and end the forward with the shell. */
export const gatewayForward = `
  # What an earlier one has said must not be read as this one's, so the file is empty before kubectl starts.
  : > forward
  kubectl port-forward --namespace loki svc/loki-gateway :80 >> forward 2>&1 & trap "kill $!" EXIT
  for try in $(seq 100); do port=$(sed -n 's/^Forwarding from 127.0.0.1:\\([0-9]*\\).*/\\1/p' forward); [ -z "$port" ] || break; sleep 0.1; done
  [ -n "$port" ] || { cat forward >&2; exit 1; }
`;
