/** Problems with Grafana itself: connecting to it, logging in, and how it treats our data source. */
import { rows } from '../row.ts';

export const grafana = rows({
  GRAFANA_TOKEN_MISSING: {
    title: 'A Grafana token is required',
    cause: "The data source is created through Grafana's API, which requires a token.",
    fix: 'Set `--grafana-token-file FILE` to a file with the token of a service account with the role Admin',
    exit: 2,
    explain:
      'In Grafana: Administration, Service accounts, add one, add a token. The token stays in your file: it is written neither to the installation record nor to the journal.',
  },
  GRAFANA_DATASOURCE_EXISTS: {
    title: 'A data source with this name or UID already exists',
    cause: 'It was created manually or by another provisioning file.',
    fix: 'Rename or delete it, or add `--grafana none`',
    exit: 3,
    explain:
      'Grafana provisions by name: two files with one name overwrite each other at every reload, and one UID under two names makes it reject all files. loki-eks never changes a data source that it did not create.',
  },
  GRAFANA_UNREACHABLE: {
    title: 'Grafana is unreachable',
    cause: 'The address is wrong, Grafana is not ready, or a proxy or firewall blocks the connection.',
    fix: 'Check `--grafana-url`, or `kubectl get pods -A -l app.kubernetes.io/name=grafana`',
    exit: 3,
    explain: 'A Grafana in the cluster is reached through a port-forward to one of its pods, any other at its address, where HTTPS_PROXY and NO_PROXY apply.',
  },
  GRAFANA_LOGIN_REFUSED: {
    title: 'Grafana rejects the credentials',
    cause: 'The token was revoked, has expired or belongs to another Grafana; or the admin password was changed after the chart created its Secret.',
    fix: 'Write a new service account token to the file given with `--grafana-token-file`',
    exit: 3,
    explain: 'A password that was changed in Grafana is not written back to the Secret of its chart.',
  },
  GRAFANA_FORBIDDEN: {
    title: 'Grafana denies the request',
    cause: "The token's service account lacks the required role.",
    fix: 'Give the service account the role Admin (data sources) or Editor (dashboard only)',
    exit: 3,
    explain: 'Verification only needs Viewer, because it only queries.',
  },
  GRAFANA_FAILED: {
    title: 'Grafana returns an error',
    cause: 'Grafana could not process the request.',
    fix: "Read Grafana's response in the evidence, and its log",
    exit: 3,
    explain: "A data source that was provisioned from a file can't be changed through the API.",
  },
  GRAFANA_ANSWER_UNREADABLE: {
    title: 'The response does not come from Grafana',
    cause: "A login page, a proxy or another server answers at that address, or the address lacks Grafana's path.",
    fix: 'Open the address above with curl to see which server answers, then correct `--grafana-url`, including the path that Grafana is served from',
    exit: 3,
    explain:
      'The evidence shows the response: HTTP status, content type and the first characters. Redirects are not followed, so that no token is sent to another server.',
  },
  GRAFANA_DATASOURCE_UNKNOWN: {
    title: 'Grafana does not know the data source',
    cause: 'Grafana has not read the provisioning file yet, or rejected it.',
    fix: 'Read the logs of Grafana and its sidecar, for example with `kubectl logs -n NAMESPACE deployment/GRAFANA --all-containers | grep provisioning`',
    exit: 6,
    explain:
      'The sidecar writes the file and makes Grafana reload all files, using the admin credentials in its environment: if they are wrong, its log shows 401. One invalid file makes Grafana reject all others.',
  },
  GRAFANA_CANNOT_REACH_GATEWAY: {
    title: "Grafana can't reach the gateway",
    cause: 'The address of the data source is not reachable from where Grafana runs.',
    fix: 'For a Grafana outside the cluster, set `--expose internal` or `--expose public`, and `--gateway-url` to the address that it uses',
    exit: 6,
    explain: 'Names ending in .svc.cluster.local resolve inside the cluster only. A NetworkPolicy may also block the connection.',
  },
  GRAFANA_LINE_NOT_FOUND: {
    title: 'The log line is in Loki, but Grafana does not return it',
    cause: "Grafana's data source reads another tenant, or another Loki.",
    fix: 'Run `loki-eks install` to correct the data source',
    exit: 6,
    explain: 'Everything looks healthy but stays empty: the other tenant has no logs, and "Save & test" only queries 1+1, which reads no logs.',
  },
});
