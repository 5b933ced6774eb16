# Sourced by the lab's internet: Docker Hub with a real registry behind it, as tests/lab/outside has it, at addresses of its
# own (14 the registry, 15 its token server), so that scenarios can still put others in its place.
hub_parts=$here/../outside
service 14; service 15
mkdir -p hub/temp hub/hub
openssl ecparam -name prime256v1 -genkey -noout -out hub/token.key 2>/dev/null
openssl req -x509 -new -key hub/token.key -subj /CN=auth.docker.io -days 30 -out hub/token.pem
printf 'customer:swordfish\nstranger:swordfish\n' >hub/accounts
sed "s|@DIR@|$dir/hub|g" "$hub_parts/registry-hub.yml" >hub/registry.yml
docker-registry serve hub/registry.yml >hub/registry.log 2>&1 &
python3 "$hub_parts/token.py" "$dir/hub" >hub/token.log 2>&1 &
cat >hub/nginx.conf <<END
pid $dir/hub/nginx.pid; error_log $dir/hub/nginx.log; worker_processes 1; user root; daemon off;
events { worker_connections 256; }
http {
    access_log off; server_tokens off; client_max_body_size 0; proxy_request_buffering off;
    client_body_temp_path $dir/hub/temp/body; proxy_temp_path $dir/hub/temp/proxy; fastcgi_temp_path $dir/hub/temp/fastcgi;
    uwsgi_temp_path $dir/hub/temp/uwsgi; scgi_temp_path $dir/hub/temp/scgi;
    proxy_set_header Host \$http_host; proxy_set_header X-Forwarded-Proto https;
    ssl_certificate $dir/ca/good.pem; ssl_certificate_key $dir/ca/good.key;
    server {
        listen 203.0.113.14:443 ssl; listen [2001:db8:113::14]:443 ssl;
        location / {
            if (-f $dir/hub/unavailable) { return 503; }
            proxy_pass http://127.0.0.1:5000;
        }
        location ~ ^/v2/.+/manifests/ {
            if (-f $dir/hub/unavailable) { return 503; }
            if (-f $dir/hub/rate-limited) { return 429; }
            proxy_pass http://127.0.0.1:5000;
        }
        location /v2/library/hello-world/blobs/ { return 307 https://blobs.storage.example/blob?signature=geheim; }
    }
    server {
        listen 203.0.113.15:443 ssl; listen [2001:db8:113::15]:443 ssl;
        location / {
            if (-f $dir/hub/auth-unavailable) { return 503; }
            proxy_pass http://127.0.0.1:5001;
        }
    }
}
END
nginx -c "$dir/hub/nginx.conf" -e "$dir/hub/nginx.log" 2>>hub/nginx.log &
for _ in $(seq 300); do
    (: </dev/tcp/127.0.0.1/5000 && : </dev/tcp/127.0.0.1/5001 && : </dev/tcp/203.0.113.14/443) 2>/dev/null && break
    sleep 0.05
done
