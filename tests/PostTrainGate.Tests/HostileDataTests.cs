using System.IO.Compression;
using System.Text.RegularExpressions;
using PostTrainGate.Data;
using PostTrainGate.Foundation;
using PostTrainGate.Gating;
using PostTrainGate.Reading;
using Xunit;

namespace PostTrainGate.Tests.Cases;

/// <summary>Data that costs more than it looks: read as far as it is used, or refused, in ordinary words.</summary>
public sealed class HostileDataTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData("len(range(400000000)) > y", "'range'")]
    [InlineData("repeat('x', 2000000000) = 'x'", "'repeat'")]
    [InlineData("sleep_ms(1000) IS NULL", "'sleep_ms'")]
    [InlineData("random() < 0.5", "'random'")]
    [InlineData("now() > TIMESTAMP '2020-01-01'", "'now'")]
    [InlineData("current_date > DATE '2020-01-01'", "'current_date', which is no column")]
    [InlineData("current_user = 'x'", "no column")]
    [InlineData("getenv('HOME') = 'x'", "'getenv'")]
    [InlineData("read_text('/etc/passwd') = 'x'", "'read_text'")]
    [InlineData("list_sum(list_transform([1, 2], v -> v + y)) > 3", "'list_sum'")]
    [InlineData("[v FOR v IN [1, 2] IF v > y] IS NULL", "does not run")]
    [InlineData("CAST('[1]' AS INTEGER[100000]) IS NULL", "may not convert to array")]
    [InlineData("row_number() OVER () > 3", "not of all rows together")]
    [InlineData("sum(y) > 3", "not of all rows together")]
    [InlineData("'a' LIKE t", "a pattern has to be a text that stands in the condition")]
    [InlineData("t LIKE '%a_%a_%a_%a_%a_%a_%a_%a_%a_%a_%a_b'", "more than 20 wildcards")]
    [InlineData("$1", "a parameter")]
    [InlineData("? > 3", "a parameter")]
    [InlineData("y > $limit", "a parameter")]
    public void A_condition_may_use_what_is_pure_and_cheap_alone(string where, string says)
    {
        var refused = Refused(where);
        Assert.Equal(DiagnosticCodes.DataCondition, refused.Code);
        Assert.Contains(says, refused.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Long_and_deep_conditions_run_or_are_refused_as_such()
    {
        var sum = string.Join(" + ", Enumerable.Repeat("y", 40));
        Assert.Equal(50, Privileged($"{sum} > 40")); // half of the rows have y = 2
        Assert.Contains(
            "deeper than 100",
            Refused(string.Join(" + ", Enumerable.Repeat("y", 300))).Message,
            StringComparison.Ordinal
        );
        Assert.Contains(
            "characters",
            Refused(string.Join(" + ", Enumerable.Repeat("y", 1000))).Message,
            StringComparison.Ordinal
        );
        Assert.Equal(DiagnosticCodes.DataCondition, Refused(new string('(', 1900)).Code);
        Assert.Equal(50, Privileged($"{new string('(', 900)}y > 1{new string(')', 900)}"));
    }

    [Theory]
    [InlineData("y BETWEEN 1.5 AND 3 AND NOT (t IN ('b', 'c') OR t IS NULL)", 50)]
    [InlineData("CASE WHEN lower(t) LIKE 'a%' THEN y > 1 ELSE FALSE END", 50)]
    [InlineData("coalesce(abs(y - 1), 0) = 1 AND year(DATE '2020-02-03') = 2020 AND CAST(y AS VARCHAR) = '2'", 50)]
    [InlineData("source.y = 2 AND t ILIKE 'A' AND regexp_matches(t, '^a') AND t || 'x' = 'ax'", 50)]
    public void Plain_conditions_run(string where, int count) => Assert.Equal(count, Privileged(where));

    [Fact]
    public void An_NPZ_is_unpacked_as_far_as_it_is_used()
    {
        var zeros = new byte[1 << 20];
        var path = _folder.Path("d.npz");
        using (var archive = new ZipArchive(File.Create(path), ZipArchiveMode.Create))
        {
            Add(archive, "x", NpzFileTests.Npy("<f4", false, "(60, 2)", new byte[480], 1));
            Add(
                archive,
                "y",
                NpzFileTests.Npy("|u1", false, "(60,)", [.. Enumerable.Range(0, 60).Select(i => (byte)(i % 2))], 1)
            );
            // Its head is right and its content is not: whoever unpacks it finds that.
            Add(archive, "unused", [.. NpzFileTests.Npy("<f8", false, "(60,)", [], 1), .. zeros]);
            Add(archive, "objects", NpzFileTests.Npy("|O", false, "(60,)", new byte[480], 1));
        }

        using var splits = DataReader.Read(Policy("d.npz"));
        Assert.Equal(60, splits.Repair.Count + splits.Select.Count + splits.Test.Count);
        Assert.Throws<GateException>(() => NpzFile.Read(path));
    }

    [Theory]
    [InlineData(new byte[] { 0, 0, 8, 3, 0, 0, 0, 60, 0, 0, 0, 0, 0, 0, 0, 28 }, "holds no value")]
    [InlineData(new byte[] { 0, 0, 8, 3, 0, 0, 0, 0, 0, 0, 0, 28, 0, 0, 0, 28 }, "holds no value")]
    [InlineData(new byte[] { 0, 0, 8, 3, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255 }, "at most 2 GiB")]
    [InlineData(new byte[] { 0, 0, 8, 3, 0, 1, 0, 0, 0, 0, 64, 0, 0, 0, 0, 1 }, "claims more values than it can hold")]
    [InlineData(new byte[] { 0, 0, 8, 200, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 1 }, "has 200 axes")]
    [InlineData(new byte[] { 0, 0, 14, 1, 0, 0, 0 }, "cannot be read as IDX")]
    public void An_IDX_file_of_zero_or_huge_axes_is_an_ordinary_error(byte[] idx, string says)
    {
        foreach (var packed in new[] { false, true })
        {
            File.WriteAllBytes(_folder.Path("d.idx"), packed ? Gzip(idx) : idx);
            var refused = Assert.Throws<GateException>(() => DataReader.Read(Policy("d.idx"))).Diagnostics[0];
            Assert.Equal(DiagnosticCodes.DataUnreadable, refused.Code);
            Assert.Contains(says, refused.Message, StringComparison.Ordinal);
        }
    }

    [Fact]
    public void A_line_of_8_MB_is_refused_by_its_number()
    {
        using (var csv = new StreamWriter(_folder.Path("d.csv")))
        {
            csv.Write("a,y\n1,0\n");
            for (var i = 0; i < 8; i++)
                csv.Write(new string('x', 1 << 20));
            csv.Write(",1\n");
        }

        var refused = Assert.Throws<GateException>(() => DataReader.Read(Policy("d.csv"))).Diagnostics[0];
        Assert.Equal(DiagnosticCodes.DataUnreadable, refused.Code);
        Assert.Contains("line 3 is longer than 2000000 bytes", refused.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_table_that_unpacks_to_too_much_is_refused_before_it_is_read()
    {
        // Members of one gzip file, each of 64 MB of zeros: 5 GB of 5 MB.
        var member = Gzip([.. "a,y\n"u8, .. new byte[1 << 26]]);
        using (var file = File.Create(_folder.Path("d.csv.gz")))
            for (var i = 0; i < 80; i++)
                file.Write(member);
        var refused = Assert.Throws<GateException>(() => DataReader.Read(Policy("d.csv.gz"))).Diagnostics[0];
        Assert.Equal(DiagnosticCodes.DataUnreadable, refused.Code);
        Assert.Contains("unpacks to more than 4 GiB", refused.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("0.5")]
    [InlineData("a,b")]
    [InlineData("true")]
    public void A_table_of_thousands_of_columns_gives_the_values_of_each(string kind)
    {
        const int columns = 3000;
        string Cell(int row, int column) =>
            kind switch
            {
                "0.5" => FormattableString.Invariant($"{row + column / 8.0}"),
                "true" => (row + column) % 2 == 0 ? "true" : "false",
                _ => (row + column) % 2 == 0 ? "a" : "b",
            };
        using (var csv = new StreamWriter(_folder.Path("d.csv")))
        {
            csv.WriteLine(string.Join(',', Enumerable.Range(0, columns).Select(c => $"c{c}").Append("y")));
            for (var row = 0; row < 60; row++)
                csv.WriteLine(
                    string.Join(',', Enumerable.Range(0, columns).Select(c => Cell(row, c)).Append($"{row % 2}"))
                );
        }

        using var splits = DataReader.Read(Policy("d.csv"));
        Assert.Equal(columns, splits.Repair.Layout!.Columns.Length);
        var width = splits.Repair.Layout.Width;
        Assert.Equal(kind == "a,b" ? 2 * columns : columns, width);
        foreach (var set in new[] { splits.Repair, splits.Test })
        {
            var values = set.Inputs.data<float>().ToArray();
            for (var row = 0; row < set.Count; row++)
            {
                var (first, last) = (values[row * width], values[row * width + width - 1]);
                if (kind == "0.5")
                    Assert.Equal((columns - 1) / 8.0, last - first, 3);
                else if (kind == "true")
                    Assert.Equal((columns - 1) % 2 == 0 ? first : 1 - first, last);
                else
                    Assert.Equal(first, values[row * width + 3]); // c1 is the other letter
            }
        }
    }

    [Fact]
    public void Images_that_are_not_read_are_counted_in_a_warning()
    {
        using (var bitmap = new SkiaSharp.SKBitmap(4, 4))
        {
            foreach (
                var file in Enumerable
                    .Range(0, 40)
                    .Select(i => $"images/{i % 2}/{i}.dat")
                    .Append("images/top.png")
                    .Append("images/0/deep/a.png")
            )
            {
                Directory.CreateDirectory(Path.GetDirectoryName(_folder.Path(file))!);
                using var stream = File.Create(_folder.Path(file));
                bitmap.Encode(stream, SkiaSharp.SKEncodedImageFormat.Webp, 100);
            }
        }

        File.WriteAllBytes(_folder.Path("images/1/scan.tif"), [(byte)'I', (byte)'I', 42, 0, 8, 0, 0, 0]);
        _folder.Write("images/1/notes.txt", "no image");
        _folder.Write("model.onnx", "");
        _folder.Write(
            "posttraingate.yml",
            "version: 1\nmodel: model.onnx\ndata: { source: images }\ninput: { scale: 1/255 }\ngates: [accuracy: { "
                + "min: 0.5 }]\n"
        );
        using var splits = DataReader.Read(PolicyReader.Read(_folder.Path("posttraingate.yml")).Policy!);
        Assert.Equal(40, splits.Repair.Count + splits.Select.Count + splits.Test.Count);
        Assert.Equal(
            [("1", "'1/scan.tif'"), ("2", "'0/deep/a.png'")],
            splits.Diagnostics.Select(d => (d.Message.Split(' ')[0], Regex.Match(d.Message, "'[^']*'").Value))
        );
        Assert.All(splits.Diagnostics, d => Assert.Equal(Severity.Warning, d.Severity));
    }

    private int Privileged(string where)
    {
        using var splits = Read(where);
        return new[] { splits.Repair, splits.Select, splits.Test }.Sum(s => s.Groups["g"].LevelOf.Count(l => l == 1));
    }

    private Diagnostic Refused(string where) => Assert.Throws<GateException>(() => Read(where)).Diagnostics[0];

    private DataSplits Read(string where)
    {
        File.WriteAllText(
            _folder.Path("g.csv"),
            "t,y,label\n"
                + string.Concat(
                    Enumerable
                        .Range(0, 100)
                        .Select(i => $"{(i % 2 == 0 ? "a" : "b")},{(i % 2 == 0 ? 2 : 1)},{i / 50}\n")
                )
        );
        var policy = Policy("g.csv");
        return DataReader.Read(
            policy with
            {
                Groups = [new() { Name = "g", Where = where }],
                Data = policy.Data with { Label = "label" },
            }
        );
    }

    private GatePolicy Policy(string file) =>
        new()
        {
            File = "posttraingate.yml",
            Folder = _folder.Root,
            Model = new("m.onnx", "m.onnx", default),
            Data = new() { Source = new(file, _folder.Path(file), default), Label = "y" },
            Gates = [],
        };

    private static void Add(ZipArchive archive, string name, byte[] npy)
    {
        using var stream = archive.CreateEntry(name + ".npy").Open();
        stream.Write(npy);
    }

    private static byte[] Gzip(byte[] bytes)
    {
        using var packed = new MemoryStream();
        using (var gzip = new GZipStream(packed, CompressionLevel.Optimal))
            gzip.Write(bytes);
        return packed.ToArray();
    }
}
