/** Problems of taking over what somebody else installed, and of what may never change under logs that are there. */
import { rows } from '../row.ts';

export const adopt = rows({
  ADOPT_NOTHING: {
    title: 'There is no Loki to adopt',
    cause: 'No workload of the Loki chart runs in the namespace.',
    fix: 'loki-eks install, or name the namespace of the Loki you mean with --namespace NAME',
    exit: 3,
    explain: 'adopt takes over a running installation: the Helm releases loki and alloy, their buckets, role and login. Nothing has been changed.',
  },
  ADOPT_UNSUPPORTED: {
    title: 'The installed Loki can not be adopted as it is',
    cause: 'It is built in a way that loki-eks could not carry on without losing what it has stored, or its name is not the one that loki-eks uses.',
    fix: 'Change what the message names, or install beside it with --namespace NAME and --collector-namespace NAME.',
    exit: 3,
    explain:
      'Adoptable is a Helm release named loki of the Loki chart in Distributed mode that keeps its lines in S3, in one bucket of this account and region, with the role of its service account. Nothing has been changed.',
  },
  ADOPT_VALUE_UNDETECTED: {
    title: 'Something that has to stay as it is could not be learned',
    cause: 'The installation does not say it, or says several things.',
    fix: 'Give it with the flag that the message names.',
    exit: 3,
    explain:
      'Lines belong to a tenant, and are deleted when they are older than the retention: both must go on as they were, so neither is guessed. Nothing has been changed.',
  },
  OWNED_BY_ANOTHER_INSTALLATION: {
    title: 'It belongs to another installation of loki-eks',
    cause: 'It carries the marks of an installation in another cluster or another namespace.',
    fix: 'loki-eks orphan, in the cluster and namespace that it belongs to',
    exit: 3,
    explain:
      'The tag loki-eks/install-id, or the label loki-eks.dev/install-id, names the installation. What is marked is never taken from it. Nothing has been changed.',
  },
  RELEASE_OTHER_CHART: {
    title: 'The Helm release is of another chart',
    cause: 'A release of the name that loki-eks uses was made from a chart that does something else.',
    fix: 'Install beside it, with --namespace NAME and --collector-namespace NAME.',
    exit: 3,
    explain: 'Only releases of the charts loki and alloy can be carried on by upgrading them. loki-stack, for one, is another chart. Nothing has been changed.',
  },
  SCHEMA_CHANGED: {
    title: 'Lines that are stored could no longer be read',
    cause: 'The values change a period of the schema that has begun, leave one out, or let a new one begin in the past.',
    fix: 'Keep every period as it is in loki.schemaConfig.configs; let a new one begin in the future.',
    exit: 3,
    explain:
      'Loki finds a line only under the schema that was in force when the line was written. The periods of the running Loki are carried on by themselves; only values files of your own can change them. Nothing has been changed.',
  },
  SCHEMA_UNSUPPORTED: {
    title: 'A period of the running schema is written in a way that is not carried on',
    cause: 'Somebody changed the configuration of Loki in the cluster: a value in it is no plain word or number.',
    fix: 'Put schema_config back as it was: helm rollback loki -n NAMESPACE',
    exit: 3,
    explain:
      'The periods of the running Loki become part of the new configuration, which helm fills in as a template, so that only plain words and numbers are taken over. Nothing has been changed.',
  },
  STORAGE_MOVED: {
    title: 'Lines that are stored could no longer be found',
    cause: 'The settings or the values name another bucket than the one that the running Loki uses.',
    fix: 'Name the bucket in use with --chunks-bucket NAME; to start anew with an empty one, loki-eks uninstall first: it keeps the bucket.',
    exit: 3,
    explain: 'Loki reads from one bucket. Nothing is moved or copied from the former one, so everything in it would be out of reach. Nothing has been changed.',
  },
});
