using System.Collections.Immutable;
using PostTrainGate.Data;
using PostTrainGate.Foundation;
using PostTrainGate.Gating;
using PostTrainGate.Reading;
using PostTrainGate.Reporting;
using TorchSharp;
using Xunit;

namespace PostTrainGate.Tests.Cases;

/// <summary>Data as people have it: each case is measured as it should be, or refused in words that help.</summary>
public class DataCasesTests
{
    [Theory]
    [InlineData("imputer_empty", 1.0, "'d' has no value in 45 rows")]
    [InlineData("tree_nan", 1.0, "'a' has no value in 53 rows")]
    [InlineData("miss_class_decl", 1.0, "none of the class '1'")]
    [InlineData("miss_class_norepair", 1.0, "none of the class '1'")]
    [InlineData("img_webp_default", 1.0, "")]
    [InlineData("img_exif180", 1.0, "40 of 40 images are stored turned or mirrored")]
    [InlineData("pred_bool", 0.94, "")]
    [InlineData("pred_bool_decl", 0.94, "'0' and 'false'")]
    [InlineData("group_missing96", 0.68, "576 of 600 rows")]
    public async Task A_case_is_measured_and_what_was_assumed_is_said(string name, double accuracy, string says)
    {
        using var folder = new CaseFolder(name);
        var (code, text, result) = await folder.CheckAsync();
        Assert.Equal(0, code);
        Assert.Equal(accuracy, result!.Gates[0].Original.Value!.Value, 3);
        Assert.Contains(says, text, StringComparison.Ordinal);
        if (name == "img_webp_default")
            Assert.Equal(20, result.Data.Test); // half of 40 images of five formats
    }

    [Theory]
    [InlineData("cols_float_missing", DiagnosticCodes.DataValue, "'income' has no value in 34 rows")]
    [InlineData("cols_int_frac", DiagnosticCodes.DataValue, "'age' is no whole number in 300 of 300 rows")]
    [InlineData("csv_latin1", DiagnosticCodes.DataUnreadable, "line 2 is not UTF-8")]
    [InlineData("csv_ragged", DiagnosticCodes.DataUnreadable, "line 202 has 5 values, the header in line 1 has 4")]
    [InlineData("model_decimal_comma", DiagnosticCodes.DataValue, "'a'")]
    [InlineData("duck15576_title", DiagnosticCodes.DataUnreadable, "with no title above")]
    public async Task A_case_that_cannot_be_measured_says_why_at_its_place(string name, string code, string says)
    {
        using var folder = new CaseFolder(name);
        var (exit, text, result) = await folder.CheckAsync();
        Assert.Equal(2, exit);
        Assert.Null(result);
        Assert.Contains($"): error {code}: ", text, StringComparison.Ordinal);
        Assert.Contains(says, text, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("missing: error", 2, "'features.missing' is 'error'")]
    [InlineData("missing: drop", 0, "45 rows of 400")]
    public async Task The_policy_chooses_what_becomes_of_missing_values(string choice, int exit, string says)
    {
        using var folder = new CaseFolder(
            "imputer_empty",
            ("  label: label", $"  label: label\n  features: {{ {choice} }}")
        );
        var (code, text, result) = await folder.CheckAsync();
        Assert.Equal(exit, code);
        Assert.Contains(says, text, StringComparison.Ordinal);
        if (exit == 0)
            Assert.Equal(142, result!.Data.Test); // 40 % of 355
    }

    [Fact]
    public async Task An_attack_leaves_rows_out_that_lack_a_value_and_says_so()
    {
        using var folder = new CaseFolder(
            "imputer_empty",
            (
                "  - accuracy: { min: 0.5 }",
                "  - robust_accuracy: { attack: square, norm: linf, epsilon: 0.01, steps: 20, min: 0.1 }\n  - "
                    + "consistency: { min: 0.1 }"
            )
        );
        var (code, text, result) = await folder.CheckAsync("--full");
        Assert.Equal(0, code);
        var (attacked, rows) = (result!.Gates[0].Original, result.Data.Test);
        Assert.InRange(attacked.Count, rows - 45, rows - 1);
        Assert.Equal(attacked.Count, result.Gates[1].Original.Count);
        Assert.InRange(attacked.Value!.Value, 0.5, 1);
        Assert.Contains(
            $"Note: {result.Gates[0].Title}: {rows - attacked.Count} of {rows} rows ",
            text,
            StringComparison.Ordinal
        );
    }

    [Fact]
    public void Rows_that_are_left_keep_their_place_in_the_split()
    {
        using var set = new EvaluationSet(
            torch.tensor(new[] { 1f, float.NaN, 3f }).reshape(3, 1),
            torch.tensor(new[] { 0L, 1, 0 }),
            ["a", "b"],
            ImmutableDictionary<string, GroupColumn>.Empty,
            null,
            1
        );
        using var complete = set.Complete();
        Assert.Equal([1], set.IncompleteRows);
        Assert.Equal([0, 2], Enumerable.Range(0, complete!.Count).Select(complete.PlaceOf));
        Assert.Null(complete.Complete());
    }

    [Fact]
    public void A_repair_that_lacks_a_class_is_not_tried_and_says_so()
    {
        using var folder = new CaseFolder("miss_class_decl", ("min: 0.5", "min: 1"));
        var policy = PolicyReader.Read(folder["posttraingate.yml"]).Policy!;
        var result = Gate.Run(
            policy with
            {
                Gates = [policy.Gates[0] with { Min = 1.1 }],
            },
            cancel: TestContext.Current.CancellationToken
        );
        Assert.False(result.Repair!.Proposed);
        Assert.Contains("has none of the class '1'", result.Repair.Reason, StringComparison.Ordinal);
    }

    [Fact]
    public async Task One_list_of_diagnostics_is_on_every_surface_in_one_order()
    {
        using var folder = new CaseFolder("pred_bool_decl", ("min: 0.5 }\n  - d", "min: 0.99 }\n  - d"));
        File.WriteAllText(
            folder["data.csv"],
            File.ReadAllText(folder["data.csv"]).Replace(",m,", ",,", StringComparison.Ordinal)
        );
        File.WriteAllText(
            folder["posttraingate.yml"],
            File.ReadAllText(folder["posttraingate.yml"])
                .Replace(
                    "{ column: sex, privileged: m }",
                    "{ where: \"sex = 'f' and age > 0.5\" }",
                    StringComparison.Ordinal
                ) + "report: { html: true, sarif: true }\n"
        );
        var (code, text, result) = await folder.CheckAsync("--format", "msbuild");
        Assert.Equal(1, code);
        Assert.Equal(
            ["PTG4001", "PTG4001", "PTG3003", "PTG3003", "PTG3003"],
            result!.Diagnostics.Take(5).Select(d => d.Code)
        );
        Assert.Equal([.. result.Diagnostics.OrderByDescending(d => d.Severity)], result.Diagnostics);
        var remarks = ResultText.Remarks(result).Select(d => d.Message).ToArray();
        InOrder(text, remarks);
        InOrder((await folder.CheckAsync("--format", "console")).Text, remarks);
        InOrder(
            File.ReadAllText(folder["posttraingate-report/gate-report.md"])
                .Replace("&#39;", "'", StringComparison.Ordinal),
            remarks
        );
        InOrder(
            System.Net.WebUtility.HtmlDecode(File.ReadAllText(folder["posttraingate-report/gate-report.html"])),
            remarks
        );

        static void InOrder(string text, string[] messages)
        {
            var at = 0;
            foreach (var message in messages)
            {
                var found = text.IndexOf(message, StringComparison.Ordinal);
                Assert.True(found >= at, $"{message} is not in its place in {text}");
                at = found;
            }
        }
    }
}
