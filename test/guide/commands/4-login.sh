# The login of the gateway, in a Secret.
sudo dnf install httpd-tools -y

htpasswd -c .htpasswd loki               # the password to type is loki
kubectl create secret generic loki-basic-auth --from-file=.htpasswd -n loki

#kubectl create secret generic canary-basic-auth \
#  --from-literal=username=loki \
#  --from-literal=password=loki \
#  -n loki
