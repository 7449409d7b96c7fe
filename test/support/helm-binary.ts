/** The real helms the contract tests run: a test without them must fail, not pass by being skipped. */

export function helmBinaries(): readonly { readonly title: string; readonly helm: string }[] {
  return (['LOKI_EKS_HELM', 'TOOLS_HELM3'] as const).map((name) => {
    const helm = process.env[name];
    if (!helm) throw new Error(`${name} is not set: \`npm run tools\` fetches helm and says where it is`);
    return { title: name === 'LOKI_EKS_HELM' ? 'helm 4' : 'helm 3', helm };
  });
}
