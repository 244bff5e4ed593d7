# The command line of the farm: it submits, watches and reads, and needs no ML library.
# Build from the repository's root: docker build -f docker/coordinator.Dockerfile .

FROM python:3.12-slim AS dependencies
ENV UV_COMPILE_BYTECODE=1 UV_LINK_MODE=copy UV_PYTHON_DOWNLOADS=never VIRTUAL_ENV=/opt/farm
RUN pip install --no-cache-dir "uv>=0.5,<1" && uv venv /opt/farm
WORKDIR /src
COPY pyproject.toml ./
RUN --mount=type=cache,target=/root/.cache/uv \
    uv pip install -r pyproject.toml

FROM dependencies AS wheel
COPY README.md ./
COPY jobs jobs
COPY workers workers
COPY farm farm
RUN --mount=type=cache,target=/root/.cache/uv \
    uv build --wheel --out-dir /dist

# The dependencies are a layer of their own: a change of the source adds only the wheel's.
FROM python:3.12-slim
RUN useradd --uid 10001 --create-home farm && install -d -o farm -g farm /data
COPY --from=dependencies /opt/farm /opt/farm
RUN --mount=type=bind,from=wheel,source=/dist,target=/dist \
    pip --python /opt/farm/bin/python install --no-cache-dir --no-deps /dist/*.whl
ENV PATH=/opt/farm/bin:$PATH PYTHONUNBUFFERED=1 FARM_HOME=/data
USER 10001
WORKDIR /data
VOLUME ["/data"]
STOPSIGNAL SIGTERM
ENTRYPOINT ["farm"]
CMD ["--help"]
