using PostTrainGate.Metrics;
using Xunit;

namespace PostTrainGate.Tests.Cases;

/// <summary>Models as people export them: what they give is right, or the gate says why it cannot be told.</summary>
public sealed class ModelCaseTests
{
    [Theory]
    [InlineData("dyn_gemm")] // [?, ?]: the data has 4 columns
    [InlineData("dyn_skl_mlp")]
    [InlineData("img_nchw_dyn")] // images of 16 x 16
    [InlineData("img_nhwc_dyn")]
    [InlineData("npz_flatten_open12")] // images of 12 x 12 that are flattened
    [InlineData("multi_out")] // an embedding that logits are computed from stands first
    [InlineData("multi_emb8")]
    public async Task Open_axes_and_the_right_output_are_taken_from_the_data(string name)
    {
        using var folder = new CaseFolder($"{name}");
        var (code, text, result) = await folder.CheckAsync();
        Assert.Equal(0, code);
        Assert.Equal(1, result!.Gates[0].Original.Value);
    }

    [Fact]
    public async Task The_output_that_is_read_is_said_where_there_are_several()
    {
        using var folder = new CaseFolder("multi_emb8");
        var (_, text, result) = await folder.CheckAsync();
        Assert.Equal("logits", result!.Model!.Output);
        Assert.Contains("message PTG2008: ", text, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Of_several_outputs_that_fit_none_is_guessed()
    {
        using var folder = new CaseFolder("multi_aux_first");
        var (code, text, result) = await folder.CheckAsync();
        Assert.Equal(2, code);
        Assert.Null(result);
        Assert.Contains("posttraingate.yml(3,8): error PTG2004: ", text, StringComparison.Ordinal);
        Assert.All(["'aux'", "'logits'", "'output.name'"], name =>
            Assert.Contains(name, text, StringComparison.Ordinal)
        );
    }

    [Theory]
    [InlineData("bn_train_acc_only", "other rows")]
    [InlineData("bn_train_op11", "other rows")]
    [InlineData("dropout_train_acc_only", "random")]
    public async Task No_metric_of_a_model_in_training_mode_passes(string name, string why)
    {
        using var folder = new CaseFolder($"{name}");
        var (code, text, result) = await folder.CheckAsync();
        Assert.Equal(2, code);
        Assert.Null(result);
        Assert.Contains(
            "posttraingate.yml(3,8): error PTG2007: The model 'model.onnx' ",
            text,
            StringComparison.Ordinal
        );
        Assert.Contains(why, text, StringComparison.Ordinal);
        Assert.Contains("training mode", text, StringComparison.Ordinal);
    }

    // What shows only in batches as large as those that are measured, or at some places of them.
    [Theory]
    [InlineData("batch_above_40")]
    [InlineData("place_in_batch")]
    public async Task Rows_are_compared_as_they_were_measured(string name)
    {
        using var folder = new CaseFolder(name);
        var (code, text, result) = await folder.CheckAsync();
        Assert.Equal(2, code);
        Assert.Null(result);
        Assert.Contains(
            "posttraingate.yml(3,8): error PTG2007: The model 'model.onnx' ",
            text,
            StringComparison.Ordinal
        );
    }

    // The model says yes and no, the data 0 and 1.
    [Fact]
    public async Task Names_that_have_nothing_in_common_leave_the_order_in_doubt()
    {
        using var folder = new CaseFolder("names_yes_no");
        var (code, text, result) = await folder.CheckAsync();
        Assert.Equal(3, code);
        Assert.Equal(Verdict.NotMeasured, result!.Gates[0].Original.Verdict);
        Assert.Contains("'1' and '0'", text, StringComparison.Ordinal);
        Assert.Contains("1.000", text, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_batch_that_the_file_fixes_to_one_row_keeps_rows_apart()
    {
        using var folder = new CaseFolder("bn_train_batch1");
        var (_, text, result) = await folder.CheckAsync();
        Assert.Equal(0.506, result!.Gates[0].Original.Value!.Value, 3);
    }

    [Fact]
    public async Task Shapes_that_disagree_name_the_node()
    {
        using var folder = new CaseFolder("matmul_broken");
        var (code, text, _) = await folder.CheckAsync();
        Assert.Equal(2, code);
        Assert.Contains(
            "posttraingate.yml(3,8): error PTG2004: Node 'm' (MatMul) cannot run on [",
            text,
            StringComparison.Ordinal
        );
    }

    [Fact]
    public async Task Classes_that_the_model_does_not_know_are_refused_by_name()
    {
        using var folder = new CaseFolder("zip_shifted_names");
        var (code, text, _) = await folder.CheckAsync();
        Assert.Equal(2, code);
        Assert.Contains("error PTG2004: ", text, StringComparison.Ordinal);
        Assert.All(["'A', 'B' and 'C'", "'D'", "'data.csv'"], name =>
            Assert.Contains(name, text, StringComparison.Ordinal)
        );
    }

    [Fact]
    public async Task A_class_that_is_a_slip_of_the_pen_is_named_with_its_row()
    {
        using var folder = new CaseFolder("dyn_gemm");
        var cancel = TestContext.Current.CancellationToken;
        var lines = await File.ReadAllLinesAsync(folder["data.csv"], cancel);
        lines[16] = $"{lines[16][..lines[16].LastIndexOf(',')]},none";
        await File.WriteAllLinesAsync(folder["data.csv"], lines, cancel);
        var (code, text, _) = await folder.CheckAsync();
        Assert.Equal(2, code);
        Assert.Contains(", of which 'none' is in 1 row, as in data.csv, line 17; ", text, StringComparison.Ordinal);
    }

    [Fact]
    public async Task No_gate_is_judged_while_the_order_of_classes_is_in_doubt()
    {
        using var folder = new CaseFolder("lab_yesfirst_sig");
        var (code, text, result) = await folder.CheckAsync();
        Assert.Equal(3, code);
        Assert.All(result!.Gates, gate => Assert.Equal(Verdict.NotMeasured, gate.Original.Verdict));
        Assert.Contains("'good' and 'bad'", text, StringComparison.Ordinal);
        Assert.All(["0.099", "0.901", "'data.classes'"], said => Assert.Contains(said, text, StringComparison.Ordinal));
    }

    [Theory]
    [InlineData("good, bad", 0.901)]
    [InlineData("bad, good", 0.099)]
    public async Task The_users_own_order_is_taken_at_its_word(string classes, double accuracy)
    {
        using var folder = new CaseFolder("lab_yesfirst_sig");
        var policy = File.ReadAllText(CaseFolder.Of("lab_yesfirst_sig/posttraingate.yml"));
        File.WriteAllText(
            folder["posttraingate.yml"],
            policy.Replace("  label:", $"  classes: [{classes}]\n  label:", StringComparison.Ordinal)
        );
        var (_, text, result) = await folder.CheckAsync();
        Assert.Equal(accuracy, result!.Gates[0].Original.Value!.Value, 3);
    }

    // Accuracy and statistical parity difference on all 1,000 rows by ML.NET itself, which exported the files.
    [Theory]
    [InlineData("lightgbm_bin_sel", 0.989, -0.1361)]
    [InlineData("sdcalr_sel", 0.788, -0.1595)]
    [InlineData("sdcame", 0.786, -0.1431)]
    [InlineData("ova", 0.785, -0.1378)]
    [InlineData("lightgbm_multi", 0.967, -0.1379)]
    public async Task What_ML_NET_exports_gives_what_ML_NET_gives(string name, double accuracy, double parity)
    {
        using var folder = new CaseFolder("mlnet");
        folder.Add(CaseFolder.Of($"mlnet/{name}.onnx"), "model.onnx");
        folder.Add(Path.Combine(Fixtures.Repository, "samples/credit/credit.csv"), "credit.csv");
        File.WriteAllText(
            folder["posttraingate.yml"],
            """
            version: 1
            model: model.onnx
            data:
              source: credit.csv
              label: credit
              favorable: good
              splits: { repair: 0.001, select: 0.001, test: 0.998 }
            groups: { older: { where: "age > 25" } }
            gates:
              - accuracy: { min: 0.5 }
              - statistical_parity_difference: { group: older, max: 0.5 }
            repair: false
            """
        );
        var (_, text, result) = await folder.CheckAsync();
        Assert.Equal(accuracy, result!.Gates[0].Original.Value!.Value, 0.0021); // two rows are the other splits'
        Assert.Equal(parity, result.Gates[1].Original.Value!.Value, 0.006);
        Assert.Contains("'personal_status' and 'credit'", text, StringComparison.Ordinal);
        // Linear models are rebuilt with gradients, trees are not.
        Assert.Equal(name.StartsWith("lightgbm", StringComparison.Ordinal), result.Model!.WhyNoGradients is not null);
    }

    [Fact]
    public async Task A_perceptron_with_classes_of_text_is_rebuilt()
    {
        using var folder = new CaseFolder("sklearn");
        File.WriteAllText(
            folder["posttraingate.yml"],
            File.ReadAllText(CaseFolder.Of("sklearn/sk_mlp.yml"))
                .Replace("report: { folder: rep-sk_mlp }", "", StringComparison.Ordinal)
        );
        var (_, text, result) = await folder.CheckAsync();
        Assert.Equal(0.935, result!.Gates[0].Original.Value!.Value, 3);
        Assert.Equal(-0.384, result.Gates[1].Original.Value!.Value, 3);
        Assert.Null(result.Model!.WhyNoGradients);
    }
}
