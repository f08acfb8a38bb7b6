using System.Text;
using PostTrainGate.Gating;
using PostTrainGate.Metrics;
using PostTrainGate.Reporting;

namespace PostTrainGate.Fuzz;

/// <summary>CSV, JSON and conditions.</summary>
internal static class TextInputs
{
    private static readonly string[] Cells =
    [
        "1",
        "-2.5",
        "",
        "a",
        "\"b,c\"",
        "\"",
        "NaN",
        "inf",
        "true",
        "False",
        "2020-01-01",
        "0,5",
        "1e400",
        "\u00e9",
        "99999999999999999999999",
        "\uFEFF",
        "\0",
        "'",
        "NULL",
        "\"a\nb\"",
        "=1+1",
    ];

    public static IReadOnlyList<byte[]> CsvSeeds { get; } =
    [
        Bytes("a,b,y\n" + string.Concat(Enumerable.Range(0, 60).Select(i => $"{i},{(char)('a' + i % 3)},{i % 2}\n"))),
        Bytes(
            "\"a\";b;y\r\n"
                + string.Concat(
                    Enumerable.Range(0, 40).Select(i => $"{i}.5;\"x;{i % 4}\";{(i % 2 == 0 ? "yes" : "no")}\r\n")
                )
        ),
    ];

    public static IReadOnlyList<byte[]> CsvWords { get; } =
    [
        .. Cells.Concat(["\n", "\r\n", ",", ";", "\t", "|", "\"\"", "#"]).Select(Bytes),
        [0xFF, 0xFE],
        [0xC3],
        [0xED, 0xA0, 0x80],
    ];

    public static IReadOnlyList<byte[]> JsonSeeds { get; } =
    [
        Bytes($"[{string.Join(",\n", Enumerable.Range(0, 60).Select(JsonRow))}]"),
        Bytes(
            string.Concat(
                Enumerable.Range(0, 40).Select(i => $"{{\"a\": {i}.5, \"y\": {(i % 2 == 0 ? "true" : "false")}}}\n")
            )
        ),
        Bytes(new GateJson().Render(Result())),
    ];

    public static IReadOnlyList<byte[]> JsonWords { get; } =
    [
        .. new[]
        {
            "{",
            "}",
            "[",
            "]",
            ",",
            ":",
            "\"",
            "\\u0000",
            "\\uD800",
            "null",
            "true",
            "1e999",
            "-0",
            "99999999999999999999",
            "{\"a\":",
            "[[",
            "//",
            "NaN",
            "\n",
            "\uFEFF",
            "\"verdict\": \"pass\"",
            "\"version\": 2",
        }.Select(Bytes),
    ];

    public static IReadOnlyList<byte[]> ConditionSeeds { get; } =
    [
        .. new[]
        {
            "a > 1 and t = 'x'",
            "not (a between 1 and 3) or t is null",
            "case when lower(t) like 'x%' then a + 1 > 2 else false end",
            "coalesce(cast(a as double), 0) in (1, 2)",
            "a + a + a + a - a * 2 >= -3",
        }.Select(Bytes),
    ];

    public static IReadOnlyList<byte[]> ConditionWords { get; } =
    [
        .. new[]
        {
            "a",
            "t",
            "y",
            " and ",
            " or ",
            " not ",
            "(",
            ")",
            "'",
            "\"",
            "$1",
            "?",
            ";",
            "--",
            "/*",
            "random()",
            "range(9)",
            "repeat(t, 9)",
            "*",
            "::int",
            "[1]",
            ".",
            "->",
            "select ",
            " from source",
            " over ()",
            "sum(a)",
            "99999999999999999999",
            "\0",
            "\u202e",
            "{",
            "struct",
            "lambda x: x",
            "current_date",
            "like ",
            "'%_%'",
        }.Select(Bytes),
    ];

    /// <summary>Rows of odd cells.</summary>
    public static byte[] Csv(Random random)
    {
        var (columns, text) = (random.Next(1, 6), new StringBuilder());
        var delimiter = ",;\t|"[random.Next(random.Next(2) == 0 ? 1 : 4)];
        text.AppendJoin(delimiter, Enumerable.Range(0, columns).Select(i => $"{(char)('a' + i)}").Append("y"))
            .Append('\n');
        for (var row = random.Next(80); row > 0; row--)
        {
            var cells = Enumerable
                .Range(0, random.Next(30) == 0 ? random.Next(9) : columns)
                .Select(c => random.Next(6) == 0 ? Cells[random.Next(Cells.Length)] : $"{random.Next(5)}");
            text.AppendJoin(delimiter, cells.Append($"{random.Next(2)}")).Append(random.Next(50) == 0 ? "\r\n" : "\n");
        }

        return Bytes(text.ToString());
    }

    /// <summary>Objects of odd values, side by side or in a list.</summary>
    public static byte[] Json(Random random)
    {
        var rows = Enumerable
            .Range(0, random.Next(60))
            .Select(_ => $"{{\"a\": {Value(random, 0)}, \"y\": {random.Next(2)}}}");
        return Bytes(random.Next(2) == 0 ? $"[{string.Join(',', rows)}]" : string.Join('\n', rows));
    }

    /// <summary>Expressions of columns, constants and functions, nested.</summary>
    public static byte[] Condition(Random random) =>
        Bytes($"{Term(random, 0)} {new[] { ">", "=", "<=", "in", "like" }[random.Next(5)]} {Term(random, 0)}");

    private static string Term(Random random, int depth) =>
        random.Next(depth > 12 ? 3 : 8) switch
        {
            0 => "a",
            1 => $"{random.Next(-3, 4)}",
            2 => $"'{(char)('w' + random.Next(4))}'",
            3 => $"({Term(random, depth + 1)} {"+-*/%"[random.Next(5)]} {Term(random, depth + 1)})",
            4 => $"{new[] { "abs", "lower", "len", "coalesce", "repeat", "sqrt", "year", "range" }[random.Next(8)]}"
                + $"({Term(random, depth + 1)})",
            5 => $"cast({Term(random, depth + 1)} as "
                + $"{new[] { "int", "varchar", "date", "int[]", "blob" }[random.Next(5)]})",
            6 => $"case when {Term(random, depth + 1)} > 1 then {Term(random, depth + 1)} end",
            _ => $"({Term(random, depth + 1)}, {Term(random, depth + 1)})",
        };

    private static string Value(Random random, int depth) =>
        random.Next(depth > 40 ? 5 : 7) switch
        {
            0 => $"{random.Next(-5, 5)}",
            1 => "null",
            2 => "\"\\u00e9\"",
            3 => "1e308",
            4 => "true",
            5 => $"[{Value(random, depth + 1)}]",
            _ => $"{{\"b\": {Value(random, depth + 1)}}}",
        };

    private static GateResult Result()
    {
        var reading = new MeasuredValue(0.5, 0.4, 0.6, 100, Verdict.Fail) { Notes = ["a note"] };
        return new()
        {
            Tool = "0",
            Policy = "posttraingate.yml",
            Model = new("m.onnx", "00", "logits", 2, 10),
            Data = new("d.csv", 50, 20, 30),
            Seed = 1,
            Confidence = 0.95,
            Correction = Correction.None,
            GateConfidence = 0.95,
            Outcome = RunOutcome.Failed,
            Reproduce = "posttraingate",
            Gates =
            [
                new()
                {
                    Metric = "accuracy",
                    Title = "accuracy",
                    Threshold = "at least 0.7",
                    Min = 0.7,
                    Position = new("p", 1, 1),
                    Better = Metrics.Better.Higher,
                    Original = reading,
                },
            ],
        };
    }

    private static string JsonRow(int i) => $"{{\"a\": {i}, \"b\": \"{(char)('a' + i % 3)}\", \"y\": {i % 2}}}";

    private static byte[] Bytes(string text) => Encoding.UTF8.GetBytes(text);
}
