/** Problems of adopting a foreign installation, and of what must never change under existing logs. */
import { rows } from '../row.ts';

export const adopt = rows({
  ADOPT_NOTHING: {
    title: 'No Loki to adopt',
    cause: 'No workload of the Loki chart runs in the namespace.',
    fix: 'Run `loki-eks install`, or name the namespace of the Loki to adopt with `--namespace NAME`',
    exit: 3,
    explain: 'adopt takes over a running installation: the Helm releases loki and alloy, their buckets, role and credentials. Nothing has been changed.',
  },
  ADOPT_UNSUPPORTED: {
    title: "The installed Loki can't be adopted in its current form",
    cause: 'loki-eks could not run its configuration without losing stored logs, or its name is not the one that loki-eks uses.',
    fix: 'Change what the message names, or install next to it with `--namespace NAME` and `--collector-namespace NAME`',
    exit: 3,
    explain:
      'loki-eks can adopt a Helm release named loki of the Loki chart in Distributed mode that stores its logs in one S3 bucket of this account and region, with the role of its service account. Nothing has been changed.',
  },
  ADOPT_VALUE_UNDETECTED: {
    title: 'A required value could not be detected',
    cause: 'The installation does not state it, or contradicts itself.',
    fix: 'Set it with the flag that the message names',
    exit: 3,
    explain:
      'Log lines belong to a tenant, and are deleted once they are older than the retention. Both must stay the same after the adoption, so loki-eks does not guess them. Nothing has been changed.',
  },
  OWNED_BY_ANOTHER_INSTALLATION: {
    title: 'The resource belongs to another installation of loki-eks',
    cause: 'It has the ownership tag or label of an installation in another cluster or namespace.',
    fix: 'Run `loki-eks orphan` in the cluster and namespace of that installation',
    exit: 3,
    explain:
      'The tag loki-eks/install-id, or the label loki-eks.dev/install-id, names the installation. loki-eks never changes a resource of another installation. Nothing has been changed.',
  },
  RELEASE_OTHER_CHART: {
    title: 'The Helm release uses another chart',
    cause: 'A release with the name that loki-eks uses was installed from a different chart.',
    fix: 'Install next to it with `--namespace NAME` and `--collector-namespace NAME`',
    exit: 3,
    explain: 'Only releases of the charts loki and alloy can be adopted and upgraded. loki-stack, for example, is a different chart. Nothing has been changed.',
  },
  SCHEMA_CHANGED: {
    title: 'Existing logs would become unreadable',
    cause: 'The values change or omit a schema period that has started, or start a new one in the past.',
    fix: 'Keep every existing period in loki.schemaConfig.configs, and start a new one in the future',
    exit: 3,
    explain:
      'Loki finds a log line only under the schema that was active when the line was written. loki-eks keeps the periods of the running Loki; only your own values files can change them. Nothing has been changed.',
  },
  SCHEMA_UNSUPPORTED: {
    title: "The running schema contains a value that can't be kept",
    cause: "Loki's configuration in the cluster was edited: a value in a schema period is not a plain word or number.",
    fix: 'Restore schema_config with `helm rollback loki -n NAMESPACE`',
    exit: 3,
    explain:
      'The periods of the running Loki become part of the new configuration, which helm renders as a template, so only plain words and numbers are accepted. Nothing has been changed.',
  },
  STORAGE_MOVED: {
    title: 'Existing logs would no longer be found',
    cause: 'The settings or values name a different bucket than the one the running Loki uses.',
    fix: 'Name the current bucket with `--chunks-bucket NAME`; to start with an empty one, run `loki-eks uninstall` first, which keeps the old bucket',
    exit: 3,
    explain: 'Loki reads from one bucket. Logs are not moved or copied from the old one, so they could no longer be queried. Nothing has been changed.',
  },
});
