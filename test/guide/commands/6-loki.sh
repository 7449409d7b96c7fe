# Loki itself, and a look at its pods.
helm install loki grafana/loki -n loki \
    --values loki-values.yaml 

kubectl get pods -n loki
