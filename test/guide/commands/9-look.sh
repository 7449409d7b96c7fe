# What the guide looks at when nothing arrives; the stray d" at the end of its grep, and the name of its author's pod, are mended.
kubectl logs -n alloy -l app.kubernetes.io/name=alloy | grep -iE "error|failed|401|403|Unauthorized"

kubectl exec -it $(kubectl get pods -n alloy -o name | head -1) -n alloy -- ls -R /var/log/pods
