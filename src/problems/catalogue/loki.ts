/** Problems of the area "loki". */
import { rows } from '../row.ts';

export const loki = rows({
  LINE_NOT_FOUND: {
    title: 'Loki did not return a log line that a pod wrote',
    cause: 'The log path is broken between the node and the query.',
    fix: 'Run `loki-eks doctor` to find the broken hop',
    exit: 6,
    explain: 'A short-lived pod wrote a unique log line, and queries through the gateway did not return it within the timeout.',
  },
  GATEWAY_NOT_READY: {
    title: 'No gateway pod is ready',
    cause: 'The gateway is not installed, still starting, or failing.',
    fix: 'Run `loki-eks status`',
    exit: 6,
    explain: 'Queries are sent to a ready gateway pod through a port-forward.',
  },
  GATEWAY_LOGIN_REFUSED: {
    title: 'The gateway rejects the credentials',
    cause: "User or password don't match the gateway's Secret, or the Secret was changed and the pods have not loaded it yet.",
    fix: "Run `loki-eks install` to compare the credentials with the gateway's hash and repair them",
    exit: 6,
    explain: 'nginx answers 401 with a WWW-Authenticate header before Loki sees the request. Pods load a changed Secret within about a minute.',
  },
  GATEWAY_UPSTREAM_DOWN: {
    title: "The gateway can't reach Loki",
    cause: "The Loki component behind the gateway is down, or the gateway can't resolve its name.",
    fix: 'Run `loki-eks status`',
    exit: 6,
    explain: 'nginx answers 502, 503 or 504. For queries the component is the query frontend, for pushes the distributor.',
  },
  LOKI_TENANT_MISSING: {
    title: 'The request to Loki has no tenant',
    cause: 'The request reached Loki without the X-Scope-OrgID header.',
    fix: 'Run `loki-eks install` to make the gateway set the tenant',
    exit: 6,
    explain: 'Loki answers 401 "no org id", which is easily mistaken for rejected credentials.',
  },
  LOKI_QUERY_INVALID: {
    title: "Loki can't parse the query",
    cause: 'The LogQL has a syntax error, or exceeds a limit.',
    fix: "Correct the query; Loki's message names line and column",
    exit: 2,
    explain: "HTTP 400 with Loki's parse error.",
  },
  LOKI_ANSWER_UNREADABLE: {
    title: 'The response does not come from Loki',
    cause: 'Another program serves the port, or a proxy in front of Loki answers instead.',
    fix: 'Run `loki-eks doctor`',
    exit: 6,
    explain: 'The evidence shows the HTTP status and the first characters of the response. Loki answers a query in JSON, with streams of labels and values.',
  },
  LOKI_QUERY_FAILED: {
    title: 'Loki could not run the query',
    cause: 'Loki returned an error, or a response that is not a query result.',
    fix: 'Run `loki-eks status`',
    exit: 6,
    explain: "Queriers that can't read the bucket answer 500; too many requests result in 429.",
  },
});
