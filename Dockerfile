# One image for the apps, the latency proxy, Locust and gainbench itself; docker-compose.yaml says who runs what.
FROM python:3.12.12-slim AS build
RUN python -m venv --without-pip /opt/gainbench
WORKDIR /srv/gainbench
COPY requirements.lock .
RUN pip --python /opt/gainbench/bin/python install --no-cache-dir --require-hashes --only-binary :all: -r requirements.lock
COPY . .
RUN pip --python /opt/gainbench/bin/python install --no-cache-dir --no-deps --no-build-isolation --editable . \
    && python -m compileall -q . && chmod -R a+rX .

FROM python:3.12.12-slim
ENV PATH=/opt/gainbench/bin:$PATH PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1
WORKDIR /srv/gainbench
COPY --from=build /opt/gainbench /opt/gainbench
COPY --from=build /srv/gainbench /srv/gainbench
# A number, so that Kubernetes can tell that it is not root.
USER 10001:10001
# Locust's operator passes arguments only.
ENTRYPOINT ["locust"]
