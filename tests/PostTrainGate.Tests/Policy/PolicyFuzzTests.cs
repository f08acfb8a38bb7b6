using System.Text;
using CsCheck;
using PostTrainGate.Foundation;
using Xunit;

namespace PostTrainGate.Tests;

public sealed class PolicyFuzzTests : IDisposable
{
    private static readonly string[] Seeds = [.. PolicyCases.Valid];

    // What breaks a policy in practice: YAML's own signs, values of other types, odd numbers, text from other places of
    // it.
    private static readonly string[] Pieces =
    [
        ":",
        ": ",
        "- ",
        "? ",
        "#",
        "&a ",
        "*a",
        "!!str ",
        "!",
        "|",
        "|-\n ",
        ">",
        "'",
        "\"",
        "\\",
        "\\x00",
        "\\UFFFFFFFF",
        "%",
        "@",
        "`",
        ",",
        "[",
        "]",
        "{",
        "}",
        "<<: ",
        "\n",
        "\n\n",
        "  ",
        "\t",
        "\r",
        "---\n",
        "...\n",
        "%YAML 1.2\n",
        "~",
        "null",
        "true",
        "0",
        "-1",
        "1e999",
        "1/0",
        "0/0",
        "%%",
        "50%",
        ".nan",
        ".inf",
        "99999999999999999999",
        "../..",
        "/etc/passwd",
        "\u00e9",
        "\U0001F600",
        "\u202e",
        "accuracy",
        "gates",
        "model",
        "10m",
        "[]",
        "{}",
    ];

    private static readonly Gen<(int Place, int Length, int Piece)> Edit = Gen.Select(
        Gen.Int[0, 10_000],
        Gen.Int[0, 12],
        Gen.Int[0, Pieces.Length]
    );

    private readonly PolicyFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void A_mutated_policy_never_throws_and_every_place_is_inside_the_file() =>
        Gen.Select(Gen.Int[0, Seeds.Length - 1], Edit.Array[1, 6])
            .Sample(
                (seed, edits) => Check(Encoding.UTF8.GetBytes(Broken(seed, edits))),
                iter: 3000,
                threads: 1,
                print: t => Broken(t.Item1, t.Item2)
            );

    [Fact]
    public void Random_bytes_in_a_policy_never_throw() =>
        Gen.Select(Gen.Int[0, Seeds.Length - 1], Gen.Int[0, 10_000], Gen.Byte.Array[1, 8])
            .Sample(
                (seed, place, bytes) =>
                {
                    var file = Encoding.UTF8.GetBytes(Seeds[seed]);
                    for (var i = 0; i < bytes.Length; i++)
                        file[(place + i) % file.Length] = bytes[i];
                    Check(file);
                },
                iter: 1000,
                threads: 1
            );

    [Fact]
    public void Random_text_never_throws() =>
        Gen.Int[0, Pieces.Length - 1]
            .Array[0, 30]
            .Sample(
                pieces => Check(Encoding.UTF8.GetBytes(string.Concat(pieces.Select(p => Pieces[p])))),
                iter: 2000,
                threads: 1
            );

    private static string Broken(int seed, (int Place, int Length, int Piece)[] edits) =>
        edits.Aggregate(Seeds[seed], Mutate);

    // Replaces a few characters by a piece, by nothing, or by as much from elsewhere in the policy.
    private static string Mutate(string yaml, (int Place, int Length, int Piece) edit)
    {
        if (yaml.Length == 0)
            return Pieces[edit.Piece % Pieces.Length];
        var start = edit.Place % yaml.Length;
        var end = Math.Min(yaml.Length, start + edit.Length);
        var elsewhere = (yaml.Length - start) / 2;
        var piece =
            edit.Piece < Pieces.Length
                ? Pieces[edit.Piece]
                : yaml.Substring(elsewhere, Math.Min(edit.Length, yaml.Length - elsewhere));
        return yaml[..start] + piece + yaml[end..];
    }

    private void Check(byte[] file)
    {
        var (policy, diagnostics) = _folder.Read(file);
        Assert.Equal(policy is null, diagnostics.Any(d => d.Severity == Severity.Error));
        var lines = Encoding.UTF8.GetString(file).TrimStart('\uFEFF').ReplaceLineEndings("\n").Split('\n');
        Assert.All(diagnostics, d =>
        {
            var (path, line, column) = d.Position!.Value;
            Assert.Equal(_folder.Yml, path);
            Assert.InRange(line, 1, lines.Length);
            Assert.InRange(column, 1, lines[line - 1].Length + 1);
            Assert.DoesNotContain(d.Message, c => char.IsControl(c) || c == '\u202e');
        });
        Assert.Equal(
            diagnostics.OrderBy(d => d.Position!.Value.Line).ThenBy(d => d.Position!.Value.Column),
            diagnostics
        );
    }
}
