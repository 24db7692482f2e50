# One image for the services, the `seatledger` command and the sandboxes: docs/containers.md.

FROM python:3.12.11-slim-bookworm AS build
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1
WORKDIR /src
COPY deploy/build.lock deploy/requirements.lock deploy/
RUN python -m venv /opt/build && /opt/build/bin/pip install --require-hashes --only-binary :all: -r deploy/build.lock
RUN python -m venv --without-pip /opt/seatledger
RUN pip --python /opt/seatledger/bin/python install --require-hashes --only-binary :all: -r deploy/requirements.lock
COPY libs libs
COPY services services
COPY cli cli
COPY simulators simulators
RUN /opt/build/bin/pip wheel --no-deps --no-build-isolation --wheel-dir wheels ./libs/* ./services/* ./cli ./simulators/*
RUN pip --python /opt/seatledger/bin/python install --no-deps --no-index wheels/*.whl

FROM python:3.12.11-slim-bookworm
RUN python -m pip uninstall --yes pip \
    && useradd --uid 10001 --user-group --home-dir /var/lib/seatledger --create-home --shell /usr/sbin/nologin seatledger \
    && install --directory --owner seatledger --group seatledger --mode 750 /var/lib/seatledger/drop
COPY --from=build /opt/seatledger /opt/seatledger
ENV PATH=/opt/seatledger/bin:$PATH PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1
USER 10001:10001
# Where `seatledger` finds its configuration without --config.
WORKDIR /etc/seatledger
# Of a service. Jobs and sandboxes have another one in docker-compose.yml, or none.
HEALTHCHECK --interval=15s --timeout=5s --start-period=60s --retries=4 \
    CMD ["python", "-c", "import urllib.request as web; web.urlopen('http://127.0.0.1:8080/readyz', timeout=4)"]
ENTRYPOINT ["seatledger"]
CMD ["--help"]
