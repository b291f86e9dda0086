"""What the pages say, read as a browser without scripts would read them."""

from tests.webui.conftest import Site, Visitors


async def test_the_doctors_list_is_sorted_by_risk_and_grey_stands_above_green(
    visitors: Visitors,
) -> None:
    doctor = await visitors.doctor()
    response = await doctor.get("/doctor")
    html = await response.text()
    assert response.status == 200
    rows = html[html.index('<ol class="card rows">') :]
    order = [rows.index(name) for name in ("Lò Thị Hoà", "Nguyễn Văn Nam", "Trần Minh Đức")]
    assert order == sorted(order)
    assert rows.index("Trần Minh Đức") < rows.index("Vàng Thị Linh")
    assert "Hà Văn Xa" not in html


async def test_pages_smoke(visitors: Visitors, site: Site) -> None:
    doctor, patient, admin = (
        await visitors.doctor(),
        await visitors.patient(),
        await visitors.administrator(),
    )
    for visitor, path in (
        (doctor, "/doctor/persons/p-hoa"),
        (doctor, "/doctor/desk"),
        (doctor, "/sessions"),
        (patient, "/patient"),
        (admin, "/admin"),
        (admin, "/admin/gateways"),
        (admin, "/admin/devices"),
        (admin, "/admin/accounts"),
        (visitors.stranger(), "/login"),
    ):
        response = await visitor.get(path)
        assert response.status == 200, (path, await response.text())
