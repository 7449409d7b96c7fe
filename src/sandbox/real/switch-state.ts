/** The current state of the cluster's network, as sent to the program that plays kube-proxy and CoreDNS. */

export interface ServicePort {
  readonly address: string;
  readonly port: number;
  /** One is chosen for each connection. */
  readonly endpoints: readonly { readonly address: string; readonly port: number; /** Pods that a policy keeps away. */ readonly barred: readonly string[] }[];
}

export interface Names {
  /** `loki-gateway.loki.svc.cluster.local`, or `loki-ingester-0.loki-ingester.loki.svc.cluster.local`. */
  readonly addresses: Readonly<Record<string, readonly string[]>>;
  /** `_http._tcp.NAME`. */
  readonly services: Readonly<Record<string, readonly { readonly target: string; readonly port: number }[]>>;
  /** All names with this suffix, which starts with a dot, have this address. */
  readonly below: Readonly<Record<string, string>>;
}

export interface SwitchState {
  readonly services: readonly ServicePort[];
  readonly names: Names;
}

export interface SwitchSetup {
  readonly dns: string;
  /** Address and port in the namespace, and the socket file outside that it leads to. */
  readonly doors: readonly { readonly address: string; readonly port: number; readonly socket: string }[];
  /** Where processes outside dial into the cluster: `ADDRESS PORT\n`, answered by `ok\n` or the error's code. */
  readonly dial: string;
}
