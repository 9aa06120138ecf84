"""Names of real places in all cases; the table was read by eye, name by name."""

import pytest

from hidden_gems.explain.turkish import ablative, accusative, dative, genitive, locative, relative

CASES = (locative, dative, ablative, genitive, accusative)
TABLE = """
Sultanahmet: te e ten in i
Cankurtaran: da a dan ın ı
Eminönü: nde ne nden nün nü
Sirkeci: de ye den nin yi
Beyazıt: ta a tan ın ı
Süleymaniye: de ye den nin yi
Vefa: da ya dan nın yı
Zeyrek: te e ten in i
Çarşamba: da ya dan nın yı
Fener: de e den in i
Balat: ta a tan ın ı
Ayvansaray: da a dan ın ı
Kumkapı: da ya dan nın yı
Samatya: da ya dan nın yı
Yedikule: de ye den nin yi
Eyüpsultan: da a dan ın ı
Bakırköy: de e den ün ü
Yeşilköy: de e den ün ü
Karaköy: de e den ün ü
Galata: da ya dan nın yı
Tophane: de ye den nin yi
Cihangir: de e den in i
Çukurcuma: da ya dan nın yı
Asmalımescit: te e ten in i
Tarlabaşı: nda na ndan nın nı
Kasımpaşa: da ya dan nın yı
Hasköy: de e den ün ü
Sütlüce: de ye den nin yi
Kurtuluş: ta a tan un u
Bomonti: de ye den nin yi
Nişantaşı: nda na ndan nın nı
Harbiye: de ye den nin yi
Beşiktaş: ta a tan ın ı
Yıldız: da a dan ın ı
Ortaköy: de e den ün ü
Arnavutköy: de e den ün ü
Bebek: te e ten in i
Rumelihisarı: nda na ndan nın nı
Emirgan: da a dan ın ı
İstinye: de ye den nin yi
Yeniköy: de e den ün ü
Tarabya: da ya dan nın yı
Sarıyer: de e den in i
Rumeli Kavağı: nda na ndan nın nı
Bahçeköy: de e den ün ü
Kadıköy: de e den ün ü
Moda: da ya dan nın yı
Yeldeğirmeni: nde ne nden nin ni
Hasanpaşa: da ya dan nın yı
Fenerbahçe: de ye den nin yi
Caddebostan: da a dan ın ı
Göztepe: de ye den nin yi
Üsküdar: da a dan ın ı
Salacak: ta a tan ın ı
Kuzguncuk: ta a tan un u
Beylerbeyi: nde ne nden nin ni
Çengelköy: de e den ün ü
Kandilli: de ye den nin yi
Çamlıca: da ya dan nın yı
Anadolu Hisarı: nda na ndan nın nı
Kanlıca: da ya dan nın yı
Paşabahçe: de ye den nin yi
Beykoz: da a dan un u
Anadolu Kavağı: nda na ndan nın nı
Polonezköy: de e den ün ü
Büyükada: da ya dan nın yı
Heybeliada: da ya dan nın yı
Burgazada: da ya dan nın yı
Kınalıada: da ya dan nın yı
Şile: de ye den nin yi
Ağva: da ya dan nın yı
Büyükada İskelesi: nde ne nden nin ni
Aya Yorgi Manastırı: nda na ndan nın nı
Büyükada Rum Yetimhanesi: nde ne nden nin ni
Splendid Palas: ta a tan ın ı
Hesed Le Avraam Sinagogu: nda na ndan nun nu
Çankaya Caddesi: nde ne nden nin ni
Troçki Evi: nde ne nden nin ni
Yörükali Plajı: nda na ndan nın nı
Prinkipo Dondurmacısı: nda na ndan nın nı
Çam Limanı: nda na ndan nın nı
Kalpazankaya: da ya dan nın yı
Bayraktepe: de ye den nin yi
Ergün Pastanesi: nde ne nden nin ni
Kınalıada Ayazma Sahili: nde ne nden nin ni
Yeşilköy Feneri: nde ne nden nin ni
Yedi Sekiz Hasan Paşa Fırını: nda na ndan nın nı
Kahvaltıcılar Sokağı: nda na ndan nın nı
Ihlamur Kasrı: nda na ndan nın nı
Feriye: de ye den nin yi
Akıntıburnu: nda na ndan nun nu
Alexandra: da ya dan nın yı
Bebek Kahve: de ye den nin yi
Mihrişah Valide Sultan Çeşmesi: nde ne nden nin ni
Anadolu Hisarı Namazgâhı: nda na ndan nın nı
Otağtepe: de ye den nin yi
Asırlık Kanlıca Yoğurdu: nda na ndan nun nu
Çubuklu Silolar: da a dan ın ı
Beykoz Çayırı: nda na ndan nın nı
Yoros Kalesi: nde ne nden nin ni
Polonezköy Mezarlığı: nda na ndan nın nı
Karaköy Lokantası: nda na ndan nın nı
SALT Galata: da ya dan nın yı
Kamondo Merdivenleri: nde ne nden nin ni
Galataport Rıhtımı: nda na ndan nın nı
Librairie de Péra: da ya dan nın yı
Serdar-ı Ekrem Sokak: ta a tan ın ı
Galata Konak Cafe: de ye den nin yi
Tophane-i Amire: de ye den nin yi
Firuzağa Kahvesi: nde ne nden nin ni
Geyik: te e ten in i
Çukurcuma Antikacıları: nda na ndan nın nı
Yakup 2: de ye den nin yi
Asmalı Cavit: te e ten in i
Tünel: de e den in i
Denizler Kitabevi: nde ne nden nin ni
Mikla: da ya dan nın yı
Arter: de e den in i
Kasımpaşa Büyük Hamam: da a dan ın ı
Miniatürk: te e ten ün ü
Pano Şaraphanesi: nde ne nden nin ni
Haliç Metro Köprüsü: nde ne nden nün nü
Artİstanbul Feshane: de ye den nin yi
Ayasofya: da ya dan nın yı
Tarihi Sultanahmet Köftecisi Selim Usta: da ya dan nın yı
Balıkçı Sabahattin: de e den in i
İstanbul Arkeoloji Müzeleri: nde ne nden nin ni
Büyük Postane: de ye den nin yi
Hocapaşa Lokantaları: nda na ndan nın nı
Yeni Cami: de ye den nin yi
Pandeli: de ye den nin yi
Kapalıçarşı: da ya dan nın yı
Vefa Bozacısı: nda na ndan nın nı
Kıztaşı: nda na ndan nın nı
Fener Rum Patrikhanesi: nde ne nden nin ni
Kanlı Kilise: de ye den nin yi
Forno Balat: ta a tan ın ı
Merdivenli Yokuş: ta a tan un u
Köfteci Arnavut: ta a tan un u
Coffee Department: te e ten in i
Anemas Zindanları: nda na ndan nın nı
Şişli: de ye den nin yi
Taksim: de e den in i
İstiklal: de e den in i
Galata: da ya dan nın yı
İBB: de ye den nin yi
AKM: de ye den nin yi
İKSV: de ye den nin yi
ODTÜ: de ye den nün yü
100. Yıl: da a dan ın ı
Taksim 1453: te e ten ün ü
Kafe 90: da a dan ın ı
Zemin 40: ta a tan ın ı
Bar 66: da ya dan nın yı
Oda 3: te e ten ün ü
İstanbul: da a dan un u
Kızıltoprak: ta a tan ın ı
Rumeli Feneri: nde ne nden nin ni
Bostancı: da ya dan nın yı
Ataköy: de e den ün ü
Fatih: te e ten in i
Şenlikköy: de e den ün ü
Arif'in Yeri: nde ne nden nin ni
Sultanahmet Saat: te e ten in i
"""
ROWS = [line.rsplit(": ", 1) for line in TABLE.split("\n") if line]


def test_there_are_more_than_a_hundred_names() -> None:
    assert len({name for name, _ in ROWS}) >= 100


@pytest.mark.parametrize(("name", "endings"), ROWS, ids=[name for name, _ in ROWS])
def test_a_name_in_five_cases(name: str, endings: str) -> None:
    bare, bracket, rest = name.partition(" (")
    expected = [f"{bare}'{ending}{bracket}{rest}" for ending in endings.split()]
    assert [case(name) for case in CASES] == expected
    assert relative(name) == f"{bare}'{endings.split()[0]}ki{bracket}{rest}"


def test_a_name_without_letters_has_no_case() -> None:
    with pytest.raises(ValueError, match="letters or digits"):
        locative("!")
