/** Problems of the area "loki". */
import { rows } from '../row.ts';

export const loki = rows({
  LINE_NOT_FOUND: {
    title: 'A line that a pod printed did not come back',
    cause: 'The log path is broken somewhere between the node and the query.',
    fix: 'loki-eks status',
    exit: 6,
    explain: 'A short-lived pod printed a unique line; it was not found through the gateway within the time allowed.',
  },
  GATEWAY_NOT_READY: {
    title: 'No gateway pod of Loki is ready',
    cause: 'The gateway is not installed, still starting, or failing.',
    fix: 'loki-eks status',
    exit: 6,
    explain: 'Queries go to a ready pod of the gateway through a port-forward.',
  },
  GATEWAY_LOGIN_REFUSED: {
    title: 'The gateway refuses the login',
    cause: "User or password is not what the gateway's Secret holds, or the Secret was changed and the pods have not seen it yet.",
    fix: "loki-eks install: it compares the login with the gateway's hash and repairs it.",
    exit: 6,
    explain: 'nginx answers 401 with a WWW-Authenticate header before Loki sees the request. A changed Secret takes up to a minute to arrive in the pods.',
  },
  GATEWAY_UPSTREAM_DOWN: {
    title: "The gateway can't reach Loki",
    cause: 'The component of Loki behind the gateway is down, or its name does not resolve in the gateway.',
    fix: 'loki-eks status',
    exit: 6,
    explain: 'nginx answers 502, 503 or 504. For queries the component is the query frontend, for pushes the distributor.',
  },
  LOKI_TENANT_MISSING: {
    title: 'Loki was asked without a tenant',
    cause: 'The request reached Loki without the X-Scope-OrgID header.',
    fix: 'loki-eks install: it makes the gateway set the tenant.',
    exit: 6,
    explain: 'Loki answers 401 with the words "no org id", which looks like a refused login but is not.',
  },
  LOKI_QUERY_INVALID: {
    title: 'Loki does not understand the query',
    cause: 'The LogQL has a syntax error, or asks for more than the limits allow.',
    fix: "Correct the query; Loki's answer names line and column.",
    exit: 2,
    explain: "HTTP 400 with Loki's parse error.",
  },
  LOKI_ANSWER_UNREADABLE: {
    title: 'What answers behind the gateway is not Loki',
    cause: 'Something else serves the port, or a proxy before Loki answers in its place.',
    fix: 'loki-eks doctor',
    exit: 6,
    explain: 'The evidence is what came: HTTP status and the first characters. Loki answers a query in JSON, with streams of labels and values.',
  },
  LOKI_QUERY_FAILED: {
    title: 'Loki could not answer the query',
    cause: 'Loki answered with an error, or with something that is no query result.',
    fix: 'loki-eks status',
    exit: 6,
    explain: "Queriers that can't read the bucket answer 500; too many requests answer 429.",
  },
});
