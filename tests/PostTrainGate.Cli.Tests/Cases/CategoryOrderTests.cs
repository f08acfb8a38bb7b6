using System.Globalization;
using System.Text.RegularExpressions;
using PostTrainGate.Cli;
using PostTrainGate.Foundation;
using PostTrainGate.Gating;
using PostTrainGate.Reading;
using Xunit;

namespace PostTrainGate.Tests.Cases;

/// <summary>
/// A model whose training had its categories in another order than that of the text: the credit sample, three columns of
/// which say the same in other words, or have other categories besides.
/// </summary>
public sealed class CategoryOrderTests : IDisposable
{
    private const string Listed =
        "categories: { housing: [rent-free, own, a flat], checking_account: "
        + "[0 to 200 DM, 200 DM or more, below 0 DM, a none], telephone: [none, a phone] }";

    private const string Gates = """
          - accuracy: { min: 0.65 }
          - robust_accuracy: { attack: table_search, epsilon: 0.05, categories: 2, samples: 40, min: 0.6 }
          - robust_accuracy: { attack: table_pgd, epsilon: 0.05, samples: 40, min: 0.6 }
          - counterfactual_flip_rate: { group: owner, max: 0.1 }
          - corrupted_accuracy: { corruptions: [category_flips], samples: 100, min: 0.6 }
        repair: false
        """;

    // The account's column is the first; only the telephone's ends in the country's column.
    private static readonly (string Pattern, string Other)[] Words =
    [
        ("^none,", "a none,"),
        (",for free,", ",rent-free,"),
        (",rent,", ",a flat,"),
        (",yes,(?=(yes|no),(good|bad)$)", ",a phone,"),
    ];

    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void Every_figure_is_that_of_the_data_in_the_words_of_training()
    {
        var expected = Figures(Credit(inOtherWords: false, "", "owner: { where: \"housing = 'own'\" }"));
        Assert.Equal(expected, Figures(Credit(inOtherWords: true, Listed, "owner: { where: \"housing = 'own'\" }")));
        Assert.NotEqual(expected, Figures(Credit(inOtherWords: true, "", "owner: { where: \"housing = 'own'\" }")));
    }

    [Fact]
    public async Task A_row_that_a_report_names_has_the_words_of_the_file()
    {
        Credit(inOtherWords: true, Listed, "owner: { where: \"housing = 'own'\" }");
        using var said = new StringWriter(CultureInfo.InvariantCulture);
        Assert.Equal(
            0,
            await CommandLine.RunAsync(
                ["explain", "2", _folder.Root],
                new()
                {
                    Out = said,
                    Error = said,
                    Variable = _ => null,
                },
                TestContext.Current.CancellationToken
            )
        );
        var lines = File.ReadAllLines(_folder.Path("credit.csv"));
        var named = Regex
            .Matches(said.ToString(), @"credit\.csv, line ([0-9,]+) .*checking_account ([^>]+) -> ")
            .Select(m =>
                (
                    Line: int.Parse(m.Groups[1].Value, NumberStyles.AllowThousands, CultureInfo.InvariantCulture),
                    Account: m.Groups[2].Value
                )
            )
            .ToArray();
        Assert.NotEmpty(named);
        Assert.All(named, n => Assert.StartsWith($"{n.Account},", lines[n.Line - 1]));
    }

    [Theory]
    [InlineData(
        "categories: { housing: [rent, own] }",
        DiagnosticCodes.DataValue,
        "'for free' in 108 rows, first in credit.csv, line 5,"
    )]
    [InlineData(
        "categories: { installment_percent_of_income: [1, 2, 3, 4, 4.0] }",
        DiagnosticCodes.DataValue,
        "lists '4' and '4.0' for the column 'installment_percent_of_income', which are the same value; keep one."
    )]
    [InlineData("categories: { housin: [rent] }", DiagnosticCodes.DataColumn, "did you mean 'housing'?")]
    [InlineData(
        "categories: { credit: [good, bad] }",
        DiagnosticCodes.PolicyConflict,
        "'credit' an order, but that column is no input"
    )]
    public void What_an_order_cannot_be_is_said(string categories, string code, string says)
    {
        var wrong = Assert.Throws<GateException>(() =>
            Figures(Credit(inOtherWords: false, categories, "owner: { column: sex }"))
        );
        Assert.Equal(code, wrong.Diagnostics[0].Code);
        Assert.Contains(says, wrong.Message, StringComparison.Ordinal);
    }

    private GatePolicy Credit(bool inOtherWords, string categories, string group)
    {
        var sample = Path.Combine(Fixtures.Repository, "samples/credit");
        File.Copy(Path.Combine(sample, "model.onnx"), _folder.Path("model.onnx"), overwrite: true);
        var lines = File.ReadAllLines(Path.Combine(sample, "credit.csv"));
        if (inOtherWords)
            lines =
            [
                lines[0],
                .. lines[1..].Select(l => Words.Aggregate(l, (t, w) => Regex.Replace(t, w.Pattern, w.Other))),
            ];
        _folder.Write("credit.csv", string.Join('\n', lines) + "\n");
        var policy = File.ReadAllText(Path.Combine(sample, "posttraingate.yml"));
        policy = policy[..policy.IndexOf("groups:", StringComparison.Ordinal)]
            .Replace(
                "scale: minmax",
                categories.Length == 0 ? "scale: minmax" : $"scale: minmax, {categories}",
                StringComparison.Ordinal
            );
        _folder.Write("posttraingate.yml", $"{policy}groups:\n  {group}\ngates:\n{Gates}\n");
        var (read, wrong) = PolicyReader.Read(_folder.Root);
        return read ?? throw new GateException([.. wrong]);
    }

    private static IEnumerable<double?> Figures(GatePolicy policy) =>
        [.. Gate.Run(policy, cancel: TestContext.Current.CancellationToken).Gates.Select(g => g.Original.Value)];
}
