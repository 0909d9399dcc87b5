"""A payment service as a good Python shop writes it: pooled mTLS, the intent and the outcome committed to SQLite."""
import os, ssl, time
import httpx
from fastapi import FastAPI, Request
from sqlalchemy import Column, Integer, String, create_engine, event
from sqlalchemy.orm import declarative_base, sessionmaker

Base = declarative_base()


class Payment(Base):
    __tablename__ = "payment"
    id = Column(Integer, primary_key=True)
    organization_bin = Column(String, index=True)
    external_id = Column(String, index=True)
    amount = Column(Integer)
    state = Column(String)
    created_at = Column(Integer)


class Log(Base):
    __tablename__ = "kaspi_pay_log"
    id = Column(Integer, primary_key=True)
    payment = Column(Integer, index=True)
    operation_type = Column(String)
    status = Column(String)
    created_at = Column(Integer)


engine = create_engine("sqlite:///books.db", connect_args={"check_same_thread": False})


@event.listens_for(engine, "connect")
def durable(connection, _):
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=FULL")


Base.metadata.create_all(engine)
Session = sessionmaker(engine)
context = ssl.create_default_context(cafile=os.environ["CA"])
context.load_cert_chain(os.environ["CERT"], os.environ["KEY"])
bank = httpx.AsyncClient(base_url=os.environ["BANK"], verify=context, limits=httpx.Limits(max_connections=64))
app = FastAPI()


@app.post("/payments")
async def create(request: Request):
    body = await request.json()
    with Session() as session:
        payment = Payment(organization_bin=body["organization_bin"], amount=body["amount"], state="creating", created_at=time.time())
        session.add(payment)
        session.flush()
        session.add(Log(payment=payment.id, operation_type="create", status="pending", created_at=time.time()))
        session.commit()
        answer = await bank.post("/r3/v01/remote/create", json={"Amount": body["amount"] / 100, "PhoneNumber": body["phone"]})
        payment.external_id = str(answer.json()["Data"]["QrPaymentId"])
        payment.state = "waiting"
        session.add(Log(payment=payment.id, operation_type="create", status="success", created_at=time.time()))
        session.commit()
        return {"id": payment.id, "state": payment.state}


@app.get("/payments/{number}")
async def status(number: str):
    answer = await bank.get(f"/r3/v01/payment/status/{number}")
    return answer.json()
