/** Problems with Grafana itself: reaching it, being let in, and what it makes of our data source. */
import { rows } from '../row.ts';

export const grafana = rows({
  GRAFANA_TOKEN_MISSING: {
    title: 'There is no token for Grafana',
    cause: 'The data source is made through its API, which wants one.',
    fix: '--grafana-token-file FILE with a service account token of the role Admin',
    exit: 2,
    explain: 'Grafana: Administration, Service accounts, add one, add a token. It stays in your file: it is neither recorded nor journalled.',
  },
  GRAFANA_DATASOURCE_EXISTS: {
    title: 'A data source of this name or uid is there already',
    cause: 'Somebody made it by hand or by another file.',
    fix: 'rename or delete that one, or leave Grafana alone with --grafana none',
    exit: 3,
    explain:
      'Grafana provisions by name: two files with one name overwrite each other at every reload, and one uid under two names makes it refuse all files. What is not ours is never changed.',
  },
  GRAFANA_UNREACHABLE: {
    title: 'Grafana does not answer',
    cause: 'The address is wrong, it is not ready, or something is between.',
    fix: 'check --grafana-url, or kubectl get pods -A -l app.kubernetes.io/name=grafana',
    exit: 3,
    explain: 'In the cluster it is asked through a port-forward to one of its pods, elsewhere at its address; HTTPS_PROXY and NO_PROXY count there.',
  },
  GRAFANA_LOGIN_REFUSED: {
    title: 'Grafana refuses the login',
    cause: 'The token was revoked, has ended, or is of another Grafana; the admin Secret holds only the first password.',
    fix: 'a new service account token in the file of --grafana-token-file',
    exit: 3,
    explain: "A password that was changed in Grafana's own pages is not written back into the Secret of its chart.",
  },
  GRAFANA_FORBIDDEN: {
    title: 'Grafana does not allow it',
    cause: "The token's service account has too small a role.",
    fix: 'give the service account the role Admin (data sources), or Editor (dashboard only)',
    exit: 3,
    explain: 'For the proof alone Viewer is enough: it only asks.',
  },
  GRAFANA_FAILED: {
    title: 'Grafana answers with an error',
    cause: 'It could not do what it was asked.',
    fix: 'read its answer, and its log',
    exit: 3,
    explain: 'A data source that a provisioning file has made cannot be changed by the API.',
  },
  GRAFANA_ANSWER_UNREADABLE: {
    title: 'What answers is not Grafana',
    cause: 'A login page, a proxy or another server answers at that address, or the path of Grafana is missing in it.',
    fix: 'Open the address above with curl and see who answers; correct --grafana-url, with the path that Grafana is served from.',
    exit: 3,
    explain:
      'The evidence is what came: HTTP status, content type and the first characters. Redirects are not followed, so that no token is carried elsewhere.',
  },
  GRAFANA_DATASOURCE_UNKNOWN: {
    title: 'Grafana does not know the data source',
    cause: 'It has not read the provisioning file yet, or refused it.',
    fix: 'read the log of its sidecar and its own, for example: kubectl logs -n NAMESPACE deployment/GRAFANA --all-containers | grep provisioning',
    exit: 6,
    explain:
      'The sidecar writes the file and asks Grafana to read all of them again, with the admin login of its own environment: a wrong one there is a 401 in its log. One bad file makes Grafana refuse all others.',
  },
  GRAFANA_CANNOT_REACH_GATEWAY: {
    title: 'Grafana cannot reach the gateway',
    cause: 'From where it runs, the address of the data source leads nowhere.',
    fix: 'for a Grafana outside of the cluster: --expose internal or public, and --gateway-url with the address it is to use',
    exit: 6,
    explain: 'Names ending in .svc.cluster.local mean something inside the cluster only. A NetworkPolicy may bar the way too.',
  },
  GRAFANA_LINE_NOT_FOUND: {
    title: 'The line is in Loki, but Grafana does not show it',
    cause: 'Its data source reads another tenant, or another Loki.',
    fix: 'loki-eks install, which puts the data source right',
    exit: 6,
    explain: 'Everything is green and empty: another tenant simply has no lines, and "Save & test" asks for 1+1, which touches no log.',
  },
});
