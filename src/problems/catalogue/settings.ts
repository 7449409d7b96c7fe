/** Problems of the area "settings". */
import { rows } from '../row.ts';

export const settings = rows({
  SETTING_INVALID: {
    title: 'Invalid setting',
    cause: 'The value violates the rule of the setting.',
    fix: 'Correct the value and run the command again',
    exit: 2,
    explain: 'All invalid settings are reported together, each with the rule that it violates. Nothing has been changed.',
  },
  SETTING_EMPTY: {
    title: 'A setting is empty',
    cause: 'Usually an unset shell variable: --cluster "$CLUSTER" passes an empty string if CLUSTER is unset.',
    fix: 'Set a value, or remove the setting',
    exit: 2,
    explain:
      'An empty value does not count as "not set": it would silently select a default that you did not choose. In a shell, `set -u` makes unset variables an error.',
  },
  PASSWORD_UNUSABLE: {
    title: "The password can't be used",
    cause: "The first line of the file that --password-file names is empty, or contains characters that a password can't have.",
    fix: 'Write the password into the first line of the file, or remove `--password-file` to have one generated',
    exit: 2,
    explain:
      "Only the first line is read. It may have up to 256 bytes without control characters, the limit of the gateway's crypt library. An empty file often comes from a failed command: `op read … > file` leaves one behind.",
  },
  PASSWORD_SHORT: {
    title: 'The password is short',
    cause: 'The password in the file that --password-file names has fewer than 16 characters.',
    fix: 'Use a longer one, for example from `openssl rand -base64 24 > FILE`, or remove `--password-file` to have one generated',
    exit: 3,
    explain:
      'Anyone who can read the hash, or can send enough requests to the gateway, can guess a short password. It is accepted with this warning, and hashed so that each guess is expensive.',
  },
  PASSWORD_FILE_PERMISSIONS: {
    title: 'Other users can access the password file',
    cause: 'The permissions of the file that --password-file names allow other users to read or write it.',
    fix: 'Run `chmod 600 FILE`',
    exit: 3,
    explain: "Anyone who can read the file knows the gateway's password, and anyone who can write it chooses the password that the next install sets.",
  },
  SETTING_MISSING: {
    title: 'A required setting is missing',
    cause: 'The command needs it, and prompts are disabled: there is no terminal, or CI or --yes is set.',
    fix: 'Set it with a flag, in the environment or in the settings file',
    exit: 2,
    explain: 'All missing settings are listed together. In a terminal without --yes, loki-eks prompts for them.',
  },
  SETTING_UNKNOWN: {
    title: 'Unknown setting',
    cause: 'The name is misspelled, or belongs to another version of loki-eks.',
    fix: 'Run `loki-eks install --help` to list all settings',
    exit: 2,
    explain: 'Unknown names are errors: if they were ignored, you would rely on a setting that has no effect.',
  },
  SETTING_CONFLICT: {
    title: 'Two settings conflict',
    cause: 'Each value is valid, but one requires, excludes or contradicts the other.',
    fix: 'Change one of the two',
    exit: 2,
    explain: 'A gateway on the internet, for example, requires source ranges and a certificate. Settings that would have no effect are rejected too.',
  },
  CONFIG_INVALID: {
    title: 'Invalid settings file',
    cause: 'It is not YAML or JSON, or not a map of keys to values.',
    fix: 'Write `key: value` lines; `loki-eks install --print-config` shows the keys',
    exit: 2,
    explain: 'The settings file is one YAML or JSON map: the keys are the flag names in camel case, for example retentionDays.',
  },
  VALUES_INVALID: {
    title: 'Invalid values file',
    cause: 'It is not YAML, or not a map.',
    fix: 'Correct the file; `helm lint` or a YAML linter shows the line',
    exit: 2,
    explain:
      "Values files follow Helm's rules: maps are merged over the values of loki-eks, null removes a key, lists are replaced. Several files are applied in order.",
  },
  IDENTITY_NO_ISSUER: {
    title: 'The cluster has no OIDC issuer',
    cause: 'IRSA requires the OIDC issuer of an EKS cluster; registered and local clusters have none.',
    fix: 'Use `--identity pod-identity`, or an EKS cluster',
    exit: 3,
    explain: '`aws eks describe-cluster` shows the issuer under identity.oidc.issuer.',
  },
  STORAGE_CLASS_UNKNOWN: {
    title: 'Unknown StorageClass',
    cause: 'The cluster has no StorageClass of this name.',
    fix: 'Run `kubectl get storageclass` to list them, or remove the setting',
    exit: 3,
    explain:
      "The ingesters' write-ahead logs are on volumes of this class, so that a restarted pod loses nothing. Without the setting, loki-eks uses the default class, or the only class of an EBS driver, or creates one.",
  },
  STORAGE_DRIVER_MISSING: {
    title: "The cluster can't provision EBS volumes",
    cause: 'No StorageClass is suitable, and the cluster has neither the EBS CSI driver nor the block storage of Auto Mode.',
    fix: 'Run `aws eks create-addon --cluster-name NAME --addon-name aws-ebs-csi-driver`, or name a class with `--storage-class`',
    exit: 3,
    explain: 'EKS clusters since 1.30 have no default StorageClass, and the EBS CSI driver is an add-on that must be installed.',
  },
});
