using System.Text;

namespace PostTrainGate.Fuzz;

/// <summary>Policies.</summary>
internal static class PolicyInputs
{
    public static IReadOnlyList<byte[]> Seeds { get; } =
    [
        .. new[]
        {
            """
                version: 1
                model: model.onnx
                data:
                  source: data.csv
                  label: y
                  classes: [0, 1]
                  favorable: 1
                  features: { except: [id], scale: minmax, missing: drop }
                input: { bounds: [0, 1], scale: 1/255, mean: [0.5], std: [0.25], size: [32, 32], layout: nchw }
                groups:
                  sex: { column: sex, privileged: male, min_count: 10 }
                  old: { where: "age > 25 and sex = 'f'" }
                  both: { cross: [sex, old] }
                gates:
                  - accuracy: { min: 70% }
                  - statistical_parity_difference: { group: sex, max: 0.1, drop: 0.01 }
                  - robust_accuracy:
                      { attack: pgd, norm: linf, epsilon: 8/255, steps: 20, restarts: 2, min: 0.4, samples: 100 }
                on: { inconclusive: warn, not_measured: fail }
                repair: { methods: [fmt, dare], budget: 10m }
                report: { html: true, folder: out }
                """,
            """
                version: 1
                data:
                  source: p/*.parquet
                  label: &label y
                  prediction: *label
                groups: { age: { column: age, bins: [25, 45, 65] } }
                gates:
                - rate_minimum: { group: age, rate: true_positive_rate, min: 0.5 }
                repair: false
                """,
        }.Select(Encoding.UTF8.GetBytes),
    ];

    public static IReadOnlyList<byte[]> Words { get; } =
    [
        .. new[]
        {
            ":",
            ": ",
            "- ",
            "? ",
            "#",
            "&a ",
            "*a",
            "!!str ",
            "|-\n ",
            ">",
            "'",
            "\"",
            "\\",
            "\\UFFFFFFFF",
            "[",
            "]",
            "{",
            "}",
            "<<: ",
            "\n",
            "\n  ",
            "\t",
            "\r",
            "---\n",
            "...\n",
            "%YAML 1.2\n",
            "~",
            "null",
            "true",
            "-1",
            "1e999",
            "1/0",
            "50%",
            ".nan",
            "..",
            "../../etc",
            "99999999999999999999",
            "\u202e",
            "\0",
            "\uFEFF",
            "accuracy",
            "gates",
            "model",
            "data",
            "groups",
            "where",
            "cross",
        }.Select(Encoding.UTF8.GetBytes),
    ];

    /// <summary>Maps and lists of the words above, nested, in block and flow style.</summary>
    public static byte[] Generate(Random random)
    {
        var text = new StringBuilder("version: 1\nmodel: model.onnx\n");
        for (var i = random.Next(1, 6); i > 0; i--)
            text.Append($"{Key(random)}: {Value(random, 0)}\n");
        return Encoding.UTF8.GetBytes(text.ToString());
    }

    private static string Key(Random random)
    {
        string[] keys =
        [
            "data",
            "input",
            "groups",
            "gates",
            "repair",
            "report",
            "on",
            "seed",
            "confidence",
            "correction",
            "source",
            "label",
            "features",
            "splits",
            "column",
            "where",
            "cross",
            "bins",
            "accuracy",
            "robust_accuracy",
            "min",
            "max",
            "attack",
            "epsilon",
            "x",
        ];
        return keys[random.Next(keys.Length)];
    }

    private static string Value(Random random, int depth) =>
        random.Next(depth > 5 ? 4 : 6) switch
        {
            0 => Encoding.UTF8.GetString(Words[random.Next(Words.Count)]),
            1 => $"{random.Next(-2, 300)}",
            2 => Key(random),
            3 => $"\"{Key(random)} > {random.Next(9)}\"",
            4 => $"[{string.Join(", ", Enumerable.Range(0, random.Next(4)).Select(_ => Value(random, depth + 1)))}]",
            _ => $"{{ {string.Join(", ", Enumerable.Range(0, random.Next(4)).Select(_ => Pair(random, depth)))} }}",
        };

    private static string Pair(Random random, int depth) => $"{Key(random)}: {Value(random, depth + 1)}";
}
