/** Loki behind its gateway. */

export interface Entry {
  /** Nanoseconds since the epoch, as Loki sends it. */
  readonly timestamp: string;
  readonly line: string;
  readonly labels: Readonly<Record<string, string>>;
}

/** A login for the gateway. Never logged. */
export interface Login {
  readonly user: string;
  readonly password: string;
}

/** How the gateway responded to a request, if not as expected. */
export interface GatewayAnswer {
  readonly status: number;
  readonly body: string;
  readonly headers: Readonly<Record<string, string>>;
}

export interface Logs {
  /** LogQL range query, newest first. Throws GATEWAY_* and LOKI_* problems that distinguish nginx's 401 from Loki's. */
  query(
    logql: string,
    options: { readonly sinceMs: number; readonly limit: number; readonly login: Login; readonly tenant: string },
  ): Promise<readonly Entry[]>;
  /** Any GET through the gateway; no exception on 4xx/5xx. */
  get(path: string, options?: { readonly login?: Login; readonly tenant?: string }): Promise<GatewayAnswer>;
}
