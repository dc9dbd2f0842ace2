"""A small Flask app: says hello, and says whether it is well."""

import socket

from flask import Flask, jsonify

app = Flask(__name__)


@app.get("/")
def hello():
    return f"Hello from {socket.gethostname()}, baked by amibake.\n"


@app.get("/health")
def health():
    return jsonify(status="ok")


if __name__ == "__main__":
    app.run(host="0.0.0.0", port=8080)
