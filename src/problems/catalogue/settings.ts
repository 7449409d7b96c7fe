/** Problems of the area "settings". */
import { rows } from '../row.ts';

export const settings = rows({
  SETTING_INVALID: {
    title: "A setting has a value that can't be used",
    cause: "The value does not fit the setting's rule.",
    fix: 'Correct the value and run the command again.',
    exit: 2,
    explain: 'Every invalid setting is reported at once, each with the rule it breaks. Nothing has been changed.',
  },
  SETTING_EMPTY: {
    title: 'A setting is empty',
    cause: 'Most often a shell variable that was never set: --cluster "$CLUSTER" passes an empty text when CLUSTER is unset.',
    fix: 'Give it a value, or leave it out.',
    exit: 2,
    explain:
      'An empty value is never taken as "not given": it would silently fall through to a default that you did not mean. In a shell, "set -u" makes unset variables an error.',
  },
  PASSWORD_UNUSABLE: {
    title: 'The password can not be used',
    cause: 'The file that --password-file names has nothing in its first line, or something that no login can hold.',
    fix: 'Write the password into the first line of the file, or leave --password-file out: one is generated then.',
    exit: 2,
    explain:
      'Only the first line is read. It may hold up to 256 bytes without control characters: more the crypt library of the gateway does not take. An empty file is most often a command that failed: `op read … > file` leaves one behind.',
  },
  PASSWORD_SHORT: {
    title: 'The password is short',
    cause: 'The password in the file that --password-file names has fewer than 16 characters.',
    fix: 'Give a longer one: openssl rand -base64 24 > FILE; or leave --password-file out: one is generated then.',
    exit: 3,
    explain:
      'Whoever may read the hash, or may ask the gateway often enough, can guess a short password. It is taken all the same, and hashed so that each guess is dear.',
  },
  PASSWORD_FILE_PERMISSIONS: {
    title: 'Others may read or change the password file',
    cause: 'The permissions of the file that --password-file names let others in.',
    fix: 'chmod 600 FILE',
    exit: 3,
    explain: 'Whoever may write the file chooses the password of the gateway at the next install, and whoever may read it knows the one of now.',
  },
  SETTING_MISSING: {
    title: 'A setting is missing',
    cause: 'The command needs it, and nothing may be asked: there is no terminal, or CI or --yes is set.',
    fix: 'Give it as a flag, in the environment, or in the settings file.',
    exit: 2,
    explain: 'All missing settings are listed at once. On a terminal, without --yes, they are asked instead.',
  },
  SETTING_UNKNOWN: {
    title: 'A setting is not known',
    cause: 'The name is misspelt, or belongs to another version.',
    fix: 'loki-eks install --help',
    exit: 2,
    explain: 'Unknown names are errors, not ignored: an ignored setting is one you believe in and that does nothing.',
  },
  SETTING_CONFLICT: {
    title: "Two settings don't go together",
    cause: 'Each value is right by itself, but one needs, forbids or contradicts the other.',
    fix: 'Change one of the two.',
    exit: 2,
    explain: 'A gateway on the internet needs named source ranges and a certificate. Settings that would have no effect are refused too.',
  },
  CONFIG_INVALID: {
    title: "The settings file can't be read as settings",
    cause: 'It is not YAML or JSON, or not a map of keys to values.',
    fix: 'Write "key: value" lines; loki-eks install --print-config shows the keys.',
    exit: 2,
    explain: 'The settings file is one YAML or JSON map: the keys are the names of the flags in camel case, for example retentionDays.',
  },
  VALUES_INVALID: {
    title: "A values file can't be used",
    cause: 'It is not YAML, or not a map.',
    fix: 'Correct the file; helm lint or a YAML linter shows the line.',
    exit: 2,
    explain: 'Values files follow Helm: maps are merged over ours, null removes a key, lists replace. Several files are applied in order.',
  },
  IDENTITY_NO_ISSUER: {
    title: 'The cluster has no OIDC issuer',
    cause: 'Roles for service accounts need the issuer of an EKS cluster; a registered or local cluster has none.',
    fix: 'Use --identity pod-identity, or an EKS cluster.',
    exit: 3,
    explain: 'aws eks describe-cluster shows the issuer under identity.oidc.issuer.',
  },
  STORAGE_CLASS_UNKNOWN: {
    title: 'The StorageClass does not exist',
    cause: 'The name given is not a StorageClass of this cluster.',
    fix: 'kubectl get storageclass, or leave the setting out.',
    exit: 3,
    explain:
      'The write-ahead log of the ingesters lives on volumes of this class, so that a restarted pod loses nothing. Without the setting the default class is taken, else the only class of an EBS driver, else one of our own is created.',
  },
  STORAGE_DRIVER_MISSING: {
    title: "The cluster can't make EBS volumes",
    cause: "No StorageClass fits, and neither the EBS CSI driver nor Auto Mode's block storage is there to make one.",
    fix: 'aws eks create-addon --cluster-name NAME --addon-name aws-ebs-csi-driver, or name a class with --storage-class.',
    exit: 3,
    explain: 'EKS clusters from 1.30 on start without a default StorageClass, and the EBS CSI driver is an add-on that is not installed by itself.',
  },
});
