using System.Globalization;
using System.IO.Compression;
using PostTrainGate.Data;
using PostTrainGate.Foundation;
using PostTrainGate.Gating;
using PostTrainGate.Policy;
using Xunit;

namespace PostTrainGate.Tests;

/// <summary>Where messages and reports say that a row stands, looked up there.</summary>
public sealed partial class DataReaderTests
{
    // A third of the rows has a value of two lines; after every tenth row a line is empty.
    private static string Uneven(int from, int to)
    {
        var rows = Enumerable
            .Range(from, to - from)
            .Select(i =>
                $"{i},{(i % 5 == 0 ? "" : $"{i % 7}")},{(i % 3 == 0 ? $"\"no.\nrow {i}, \"\"so\"\"\"" : "yes")},{i % 2}\n"
                + (i % 10 == 9 ? "\n" : "")
            );
        return $"id,gap,note,y\n{string.Concat(rows)}";
    }

    [Theory]
    [InlineData(Missing.Keep)]
    [InlineData(Missing.Drop)]
    public void The_line_of_a_row_is_the_line_of_the_file_on_which_it_begins(Missing missing)
    {
        File.WriteAllText(Path.Combine(_folder, "one.csv"), Uneven(0, 100));
        var sets = Sets(Ids("one.csv", missing));
        Assert.Equal(missing == Missing.Keep ? 100 : 80, sets.Length);
        var lines = File.ReadAllLines(Path.Combine(_folder, "one.csv"));
        Assert.All(sets, s => Assert.StartsWith($"{s.Id},", lines[Number(s.Place, "one.csv, line ") - 1]));
    }

    [Fact]
    public void Of_several_files_the_right_one_is_named()
    {
        Directory.CreateDirectory(Path.Combine(_folder, "parts", "more"));
        File.WriteAllText(Path.Combine(_folder, "parts", "a.csv"), Uneven(0, 30));
        File.WriteAllText(Path.Combine(_folder, "parts", "b.csv"), "id,gap,note,y\n");
        using (
            var zip = new GZipStream(
                File.Create(Path.Combine(_folder, "parts/more/c.csv.gz")),
                CompressionLevel.Fastest
            )
        )
            zip.Write(System.Text.Encoding.UTF8.GetBytes(Uneven(30, 100)));
        string[] names = ["parts/a.csv", "parts/b.csv", "parts/more/c.csv.gz"];
        var policy = Ids("parts", Missing.Keep);
        policy = policy with
        {
            Data = policy.Data with
            {
                Source = policy.Data.Source with { Files = [.. names.Select(n => Path.Combine(_folder, n))] },
            },
        };
        var (first, last) = (Uneven(0, 30).Split('\n'), Uneven(30, 100).Split('\n'));
        Assert.All(Sets(policy), s =>
            Assert.StartsWith(
                $"{s.Id},",
                s.Id < 30
                    ? first[Number(s.Place, "parts/a.csv, line ") - 1]
                    : last[Number(s.Place, "parts/more/c.csv.gz, line ") - 1]
            )
        );
    }

    // A quote inside a value makes two lines one for whoever does not know where values begin; no line is named then.
    [Theory]
    [InlineData("rows.parquet")]
    [InlineData("rows.json")]
    [InlineData("inches.csv")]
    public void Where_there_is_no_line_to_trust_the_record_is_counted_from_one(string file)
    {
        if (file == "inches.csv")
        {
            var rows = Enumerable.Range(0, 3000).Select(i => $"{i},{(i == 1500 ? "5\" pipe" : "pipe")},{i % 2}\n");
            File.WriteAllText(Path.Combine(_folder, file), $"id,part,y\n{string.Concat(rows)}");
        }
        else
            Copy("SELECT i AS id, i % 2 AS y FROM range(3000) t(i) ORDER BY i", file);
        Assert.All(Sets(Ids(file, Missing.Keep)), s => Assert.Equal(s.Id + 1, Number(s.Place, $"{file}, record ")));
    }

    [Fact]
    public void Of_arrays_the_index_is_named_that_NumPy_takes()
    {
        Arrays(i => i);
        Assert.All(Sets(Policy("a.npz", null)), s => Assert.Equal(s.Id, Number(s.Place, "a.npz, index ")));
    }

    [Theory]
    [InlineData(float.NaN, Missing.Error, "missing values (NaN) in 2 of 100 rows, first in a.npz, index 37, and ")]
    [InlineData(float.NegativeInfinity, Missing.Keep, "infinite in 2 of 100 rows, first in a.npz, index 37; correct")]
    public void Of_arrays_the_first_value_that_is_none_is_named(float value, Missing missing, string says)
    {
        Arrays(i => i is 37 or 90 ? value : i);
        var policy = Policy("a.npz", null);
        policy = policy with { Data = policy.Data with { Features = new() { Missing = missing } } };
        var wrong = Assert.Throws<GateException>(() => DataReader.Read(policy).Dispose());
        Assert.Contains(says, wrong.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("z", "There is no array 'z'; the arrays are 'object', 'wide' (100, 2), 'x' (100, 1) and 'y' (100, 1).")]
    [InlineData("y", "'data.label' names the array 'y', which holds the inputs; name another.")]
    [InlineData("object", "The file 'a.npz' cannot be read as NPZ: 'object' holds Python objects, ")]
    public void An_array_that_cannot_be_the_inputs_is_told_by_name(string only, string says)
    {
        Arrays(i => i);
        var policy = Policy("a.npz", "y");
        policy = policy with { Data = policy.Data with { Features = new() { Only = [only] } } };
        var wrong = Assert.Throws<GateException>(() => DataReader.Read(policy).Dispose());
        Assert.Contains(says, wrong.Message, StringComparison.Ordinal);
        Assert.NotNull(wrong.Diagnostics[0].Position);
    }

    [Theory]
    [InlineData("z", "'z', which is missing from the file; the arrays are 'object', 'wide'")]
    [InlineData("wide", "'wide', whose shape is (100, 2); the data needs 100 labels.")]
    public void An_array_that_cannot_be_the_labels_is_told_by_name(string label, string says)
    {
        Arrays(i => i);
        var wrong = Assert.Throws<GateException>(() => DataReader.Read(Policy("a.npz", label)).Dispose());
        Assert.Contains(says, wrong.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("arrays/a.npz", "NPZ")]
    [InlineData("arrays/a.idx", "IDX")]
    public void A_broken_file_is_called_what_the_policy_calls_it(string name, string kind)
    {
        Directory.CreateDirectory(Path.Combine(_folder, "arrays"));
        // The head of an IDX file of 5 bytes, of which there are 3; and no archive at all.
        byte[] bytes = kind == "IDX" ? [0, 0, 8, 1, 0, 0, 0, 5, 1, 2, 3] : [1, 2, 3];
        File.WriteAllBytes(Path.Combine(_folder, name), bytes);
        var wrong = Assert.Throws<GateException>(() => DataReader.Read(Policy(name, "y")).Dispose());
        Assert.StartsWith($"The file '{name}' cannot be read as {kind}: ", wrong.Diagnostics[0].Message);
        Assert.NotNull(wrong.Diagnostics[0].Position);
    }

    private void Arrays(Func<int, float> input)
    {
        var path = NpzFileTests.Archive(
            (
                "x",
                NpzFileTests.Npy(
                    "<f4",
                    false,
                    "(100, 1)",
                    [.. Enumerable.Range(0, 100).SelectMany(i => BitConverter.GetBytes(input(i)))],
                    1
                )
            ),
            (
                "y",
                NpzFileTests.Npy("|u1", false, "(100, 1)", [.. Enumerable.Range(0, 100).Select(i => (byte)(i % 2))], 1)
            ),
            ("wide", NpzFileTests.Npy("|u1", false, "(100, 2)", new byte[200], 1)),
            ("object", NpzFileTests.Npy("|O", false, "(1,)", new byte[8], 1))
        );
        File.Move(path, Path.Combine(_folder, "a.npz"));
    }

    [Fact]
    public void A_choice_of_rows_keeps_their_places()
    {
        Copy("SELECT i AS id, i % 2 AS y FROM range(100) t(i) ORDER BY i", "rows.csv");
        using var splits = DataReader.Read(Ids("rows.csv", Missing.Keep));
        using var some = splits.Test.Take([7, 3]);
        using var one = some.Take([1]);
        Assert.Equal(splits.Test.PlaceInData(3), one.PlaceInData(0));
    }

    private GatePolicy Ids(string source, Missing missing)
    {
        var policy = Policy(source, "y");
        var only = missing == Missing.Drop ? (string[])["id", "gap"] : ["id"];
        return policy with
        {
            Data = policy.Data with
            {
                Features = new() { Only = [.. only], Missing = missing },
            },
        };
    }

    // The number that each row holds in its first column, and where the row is said to stand.
    private static (int Id, string Place)[] Sets(GatePolicy policy)
    {
        using var splits = DataReader.Read(policy);
        return
        [
            .. new[] { splits.Repair, splits.Select, splits.Test }.SelectMany(s =>
                Enumerable
                    .Range(0, s.Count)
                    .Select(row => ((int)s.Inputs[row].flatten()[0].item<float>(), s.PlaceInData(row)))
            ),
        ];
    }

    private static int Number(string place, string before)
    {
        Assert.StartsWith(before, place, StringComparison.Ordinal);
        return int.Parse(place[before.Length..], NumberStyles.AllowThousands, CultureInfo.InvariantCulture);
    }
}
