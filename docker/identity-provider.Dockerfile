# Canaille as the test-bed runs it (testbed/README.md). Nobody is in it at the start.
FROM python:3.11-slim-bookworm
COPY testbed/requirements.txt /testbed/
RUN pip install --no-cache-dir -r /testbed/requirements.txt
COPY testbed/canaille /testbed/canaille
RUN useradd --system canaille
USER canaille
ENV LISTEN=0.0.0.0
CMD ["python", "-u", "/testbed/canaille/canaille_op.py"]
